//! loader: loads damaged JSON files into tables, from inside the server.
//!
//! The module list and what the server calls when it loads the library; no
//! logic. Arrows point one way: `api` → {`pipes` → `bulk`, `schema` → `read`} → `load` → `amend` → {`sink`,
//! `catalog`, `access`, `values`, `formats`} → `pg`; a floor may use all below it. Anything may
//! use `error`, `settings`, `stat` and the crate `loader-core`.
#![deny(unsafe_code)]

mod access;
mod amend;
mod api;
mod bulk;
mod catalog;
mod error;
mod formats;
mod launcher;
mod load;
#[cfg(any(test, feature = "pg_test"))]
mod memory_tests;
mod pg;
mod pipes;
mod read;
mod schema;
mod settings;
mod sink;
mod stat;
#[cfg(any(test, feature = "pg_test"))]
mod tests;
mod values;
mod words;

pgrx::pg_module_magic!(name, version);
pgrx::extension_sql_file!("../sql/loader.sql", name = "loader", bootstrap);
pgrx::extension_sql_file!("../sql/merge.sql", name = "merge", requires = ["loader"]);
pgrx::extension_sql_file!("../sql/swap.sql", name = "swap", requires = ["merge"]);

/// Called by the server when it loads the library.
#[pgrx::pg_guard]
#[allow(unsafe_code)]
pub extern "C-unwind" fn _PG_init() {
    // If there is no memory for it, whoever needs it says so.
    let _ = pg::memory::allocator::refill();
    pg::processes::thread::warm_up();
    settings::register();
    pg::executor::chunk_scan::set_hook();
    pg::processes::worker::set_mains(pg::processes::worker::Mains {
        session: pipes::work,
        schedule: launcher::read_schedule,
        pipeline: launcher::run_pipeline,
        launcher: launcher::main,
    });
    pg::processes::worker::register_launcher();
    pg::executor::procedure::set_mains(pg::executor::procedure::Mains {
        json: api::load_json_files,
        csv: api::load_csv_files,
        run_pipeline: api::run_pipeline,
        run_pipelines: api::run_pipelines,
        old: api::old_load_json_files,
    });
}

/// Called by the test framework.
#[cfg(test)]
pub mod pg_test {
    /// Nothing to prepare.
    pub fn setup(_options: Vec<&str>) {}

    /// No settings are needed.
    #[must_use]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        Vec::new()
    }
}
