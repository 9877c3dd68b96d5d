//! Tests inside the server, in one transaction each.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::executor::chunk::Chunk;
    use crate::pg::executor::chunk_handle::{HandedOut, Written};
    use crate::pg::executor::snapshot::{Snapshot, select_bigint};
    use crate::pg::executor::statement::{Parameters, Statement};
    use crate::pg::executor::transaction::Transactions;
    use crate::pg::executor::{array, snapshot, subtransaction};
    use crate::pg::memory::context::Context;
    use crate::pg::memory::shared::SharedMemory;
    use crate::pg::processes::session::Session;
    use crate::pg::processes::user;
    use crate::pg::relations::emptiness;
    use crate::pg::strings::text;
    use loader_core::encode::jsonb::Encoder;
    use loader_core::pipeline::RecordPosition;
    use loader_core::toast::{Compressor, Method};
    use pgrx::prelude::*;
    use std::borrow::Cow;
    use std::cell::Cell;
    use std::ffi::CString;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    fn chunk(texts: &[&std::ffi::CStr]) -> Chunk {
        let mut chunk = Chunk::new();
        for text in texts {
            chunk.reserve().expect("memory");
            chunk.push_text(text);
        }
        chunk
    }

    fn sum_of(chunk: &Chunk, sql: &std::ffi::CStr, handed_out: &Cell<HandedOut>) -> Option<i64> {
        Spi::run("CREATE TEMP TABLE IF NOT EXISTS sums (sum bigint); DELETE FROM sums").expect("a table");
        let places = vec![RecordPosition::default(); chunk.len()];
        let parameters = Parameters { number: 0, file: "" };
        let rows = chunk
            .hand_to(
                &Statement::prepare(sql, Vec::new()),
                0..chunk.len(),
                &places,
                parameters,
                handed_out,
                None,
            )
            .expect("a statement");
        assert_eq!(rows, Written { inserted: 1, updated: 0 });
        Spi::get_one("SELECT sum FROM sums").expect("a sum")
    }

    const SUM: &std::ffi::CStr =
        c"INSERT INTO sums SELECT sum(r::bigint)::bigint FROM loader.chunk_records($1) AS r";

    #[pg_test]
    fn a_statement_takes_all_values_and_none_of_another_one() {
        let handed_out = Cell::default();
        assert_eq!(sum_of(&chunk(&[c"1", c"2"]), SUM, &handed_out), Some(3));
        assert_eq!(handed_out.get(), HandedOut::All);
        // Twice in one statement, of which each has all of them; far apart, if need be.
        let twice = c"INSERT INTO sums SELECT sum(a::bigint * b::bigint)::bigint
                      FROM loader.chunk_records($1) AS a, (SELECT loader.chunk_records($1) AS b OFFSET 0) AS b";
        assert_eq!(sum_of(&chunk(&[c"1", c"2"]), twice, &Cell::default()), Some(9));
    }

    #[pg_test(error = "no chunk with that number is being loaded")]
    fn a_function_of_the_statement_takes_nothing() {
        Spi::run(
            "CREATE FUNCTION take(token bigint) RETURNS bigint LANGUAGE sql VOLATILE
             AS 'SELECT sum(r::bigint)::bigint FROM loader.chunk_records($1) AS r'",
        )
        .expect("a function");
        sum_of(&chunk(&[c"1"]), c"INSERT INTO sums SELECT take($1)", &Cell::default());
    }

    #[pg_test]
    fn a_chunk_has_what_jsonb_in_makes() {
        let chunk = chunk(&[c" {\"b\": 1.50, \"a\": [null, \"\xc3\xa9\"]} "]);
        let same = sum_of(
            &chunk,
            c"INSERT INTO sums
              SELECT (size = pg_column_size(v) AND bytes = jsonb_send(v))::int
              FROM (SELECT pg_column_size(loader.chunk_records($1)) AS size,
                           jsonb_send(loader.chunk_records($1)) AS bytes) AS r,
                   (SELECT '{\"b\": 1.50, \"a\": [null, \"\xc3\xa9\"]}'::jsonb) AS x(v)",
            &Cell::default(),
        );
        assert_eq!(same, Some(1));
    }

    #[pg_test]
    fn a_held_datum_is_compared_by_bytes() {
        let encoded = |text: &str| {
            let mut datum = Vec::new();
            let end = Encoder::new().encode(text.as_bytes(), 0, true, &mut datum);
            assert_eq!(end, Ok(Some(text.len())));
            datum
        };
        let agrees = |datum: &[u8], text: &str| {
            let mut chunk = Chunk::new();
            chunk.hold(datum.to_vec()).expect("memory");
            chunk.agrees(0, datum.len(), &CString::new(text).expect("no NUL"))
        };
        let plain = encoded("{\"a\": 1.50}");
        assert!(agrees(&plain, " {\"a\" : 1.50}"));
        // Equal as numbers, but not the same.
        assert!(!agrees(&plain, "{\"a\": 1.5}"));

        let long = |end: &str| format!("[\"{}{end}\"]", "long and dull ".repeat(300));
        let lz4: Option<bool> = Spi::get_one(
            "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'",
        )
        .expect("a setting");
        // Not every server can read it back.
        let methods = [(Method::Pglz, true), (Method::Lz4, lz4 == Some(true))];
        for (method, _) in methods.into_iter().filter(|(_, known)| *known) {
            let mut compressed = Vec::new();
            let smaller =
                Compressor::new().compress(&encoded(&long("a")), method, &mut compressed, &|| false);
            assert_eq!(smaller, Ok(true));
            assert!(compressed.len() < 500);
            assert!(agrees(&compressed, &long("a")));
            assert!(!agrees(&compressed, &long("b")));
        }
    }

    /// Lets this process take so many bytes more than it has; `None` any.
    #[allow(unsafe_code)]
    fn limit_memory(more: Option<u64>) {
        let pages = || -> u64 {
            let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc");
            statm.split(' ').next().expect("a size").parse().expect("a number")
        };
        // SAFETY: plain values in and out.
        unsafe {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &raw mut limit), 0);
            limit.rlim_cur = match more {
                Some(more) => pages() * libc::sysconf(libc::_SC_PAGESIZE) as u64 + more,
                None => limit.rlim_max,
            };
            assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &raw const limit), 0);
        }
    }

    #[pg_test]
    fn lack_of_memory_is_an_error_like_any_other() {
        let numbers = CString::new(format!("[{}1]", "1.5, ".repeat(200_000))).expect("text");
        let mut refused = 0;
        for more in (0..64).map(|n| n * 512 * 1024) {
            let mut chunk = Chunk::new();
            chunk.reserve().expect("memory");
            limit_memory(Some(more));
            let result = subtransaction::attempt(
                || chunk.push_text(&numbers),
                |code| (code == PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY).then_some(()),
            );
            limit_memory(None);
            refused += u32::from(result.is_err());
        }
        assert!(refused > 0 && refused < 64, "{refused} of 64 refused");
    }

    #[pg_test]
    fn arrays_are_what_the_server_makes() {
        let memory = Context::new(c"test arrays", 8 * 1024);
        let long = vec![0xFF_u8; 100_000];
        let same: Option<bool> = Spi::get_one_with_args(
            r"SELECT $1 = ARRAY[1, -2, 9223372036854775807]::bigint[] AND $2 = ARRAY[true, false]
                 AND $3 = ARRAY['', 'a', 'abcd', 'abcde'] AND $4[1] = '\x'::bytea AND $4[2] = '\x00ff01'::bytea
                 AND length($4[3]) = 100000 AND array_length($4, 1) = 3
                 AND pg_column_size($3) = pg_column_size(ARRAY['', 'a', 'abcd', 'abcde'])",
            &[
                array::bigints(&memory, &[1, -2, i64::MAX]),
                array::booleans(&memory, &[true, false]),
                array::texts(&memory, &["", "a", "abcd", "abcde"].map(Cow::Borrowed)),
                array::byteas(&memory, &[vec![], vec![0, 0xFF, 1], long]),
            ],
        )
        .expect("a statement");
        assert_eq!(same, Some(true));
    }

    #[pg_test]
    fn scratch_memory_does_not_grow() {
        for text in ["1".to_string(), format!("[{}1]", "1.5, ".repeat(50))] {
            let text = CString::new(text).expect("text");
            let chunk = chunk(&vec![text.as_c_str(); 10_000]);
            let scratch: Option<i64> = Spi::get_one(
                "SELECT max(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'loader scratch'",
            )
            .expect("a statement");
            assert!(scratch.expect("a context") <= 512 * 1024, "{scratch:?} bytes");
            assert!(chunk.bytes() > 10_000 * 64);
        }
    }

    #[pg_test]
    fn a_refusal_is_a_value_and_leaves_nothing() {
        for _ in 0..3 {
            let mut chunk = chunk(&[c"1"]);
            let refused: Result<(), &str> = subtransaction::attempt(
                || chunk.push_text(c"{"),
                |code| match code {
                    PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION => Some("syntax"),
                    _ => None,
                },
            );
            assert_eq!(refused, Err("syntax"));
            assert_eq!(chunk.len(), 1);
            let taken: Result<(), &str> = subtransaction::attempt(|| chunk.push_text(c"2"), |_| None);
            assert_eq!(taken, Ok(()));
            assert_eq!(sum_of(&chunk, SUM, &Cell::default()), Some(3));
        }
    }

    #[pg_test(error = "invalid input syntax for type json")]
    fn another_error_goes_on_its_way() {
        let mut chunk = Chunk::new();
        let _: Result<(), ()> = subtransaction::attempt(|| chunk.push_text(c"{"), |_| None);
    }

    #[pg_test]
    fn being_somebody_else_ends() {
        Spi::run("CREATE ROLE loader_test_role").expect("a role");
        let role: Option<pg_sys::Oid> =
            Spi::get_one("SELECT 'loader_test_role'::regrole::oid").expect("a statement");
        let me = user::current();
        assert_eq!(user::run_as(role.expect("a role"), user::current), role.expect("a role"));
        assert_eq!(user::current(), me);
    }

    #[pg_test]
    fn being_somebody_else_finds_nothing_along_the_path() {
        Spi::run(
            "CREATE ROLE loader_test_role; CREATE SCHEMA planted; SET search_path = planted, public;
             CREATE FUNCTION planted.which() RETURNS text LANGUAGE sql AS $$SELECT 'planted'$$",
        )
        .expect("a function");
        let path = || setting("search_path");
        let role =
            Spi::get_one::<pg_sys::Oid>("SELECT 'loader_test_role'::regrole::oid").expect("a statement");
        let role = role.expect("a role");
        let within =
            user::run_as(role, || (path(), subtransaction::attempt(|| Spi::run("SELECT which()"), Some)));
        assert_eq!(within.0, "pg_catalog, pg_temp");
        assert!(matches!(within.1, Err(PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION)));
        assert_eq!(path(), "planted, public");
        // An error, and a role within a role, leave it as it was.
        let failed = subtransaction::attempt(
            || user::run_as(role, || user::run_as(role, || Spi::run("SELECT 1/0"))),
            Some,
        );
        assert!(matches!(failed, Err(PgSqlErrorCode::ERRCODE_DIVISION_BY_ZERO)));
        assert_eq!(path(), "planted, public");
        assert_eq!(Spi::get_one::<String>("SELECT which()").expect("a function").as_deref(), Some("planted"));
    }

    fn setting(name: &str) -> String {
        let value = Spi::get_one_with_args("SELECT pg_catalog.current_setting($1)", &[name.into()]);
        value.expect("a setting").expect("a value")
    }

    #[pg_test(error = "transactions cannot be ended here")]
    fn a_function_ends_no_transaction() {
        Transactions::of_procedure().finish();
    }

    #[pg_test(error = "transactions cannot be ended here")]
    fn a_session_is_no_worker() {
        Transactions::of_worker().finish();
    }

    #[pg_test(error = "a worker connects once")]
    fn a_session_takes_over_none() {
        Session::own().take_over();
    }

    #[pg_test]
    fn what_a_session_tells_is_behind_what_it_shares() {
        let pieces = [b"byt".as_slice(), b"", b"es"].into_iter();
        let memory = Session::own().share(
            5,
            pieces,
            |open: &mut AtomicU64, guarded: &mut [u64; 3], entries: &mut [AtomicU64]| {
                assert_eq!((open.load(SeqCst), *guarded), (0, [0; 3]));
                assert!(entries.iter().all(|entry| entry.load(SeqCst) == 0));
            },
        );
        memory.open().store(u64::MAX, SeqCst);
        memory.locked(|guarded| *guarded = [u64::MAX; 3]);
        memory.entries().iter().for_each(|entry| entry.store(u64::MAX, SeqCst));
        assert_eq!((memory.entries().len(), memory.bytes()), (5, b"bytes".as_slice()));
        assert!(memory.locked(|guarded| guarded.iter().all(|&word| word == u64::MAX)));
        assert!(Session::of(memory.segment()).is_some_and(|session| session.can_be_taken_over()));
    }

    #[pg_test(error = "a lock is taken once")]
    fn who_has_the_lock_of_shared_memory_does_not_ask_for_it_again() {
        let memory: SharedMemory<AtomicU64, u64, AtomicU64> =
            Session::own().share(0, std::iter::empty(), |_, _, _| {});
        memory.locked(|_| memory.locked(|_| ()));
    }

    #[pg_test(error = "a column of another type")]
    fn columns_are_read_as_what_they_are() {
        snapshot::select(Snapshot::Latest, "SELECT 1::int4", &[], |row| drop(row.bytes(1)));
    }

    #[pg_test]
    fn emptiness_is_seen_without_rights() {
        Spi::run(
            "CREATE TABLE plain (data jsonb);
             CREATE TABLE parts (data jsonb) PARTITION BY LIST (data);
             CREATE TABLE part PARTITION OF parts DEFAULT;
             CREATE VIEW view AS SELECT data FROM plain",
        )
        .expect("tables");
        let oid = |name: &str| {
            Spi::get_one_with_args::<pg_sys::Oid>("SELECT $1::regclass::oid", &[name.into()])
                .expect("a statement")
                .expect("a table")
        };
        let empty = |name: &str| emptiness::is_empty(oid(name));
        assert!(empty("plain") && empty("parts") && !empty("view"));
        Spi::run("INSERT INTO plain VALUES ('1'); INSERT INTO parts VALUES ('1')").expect("rows");
        assert!(!empty("plain") && !empty("parts"));
        Spi::run("DELETE FROM plain; TRUNCATE parts").expect("no rows");
        assert!(empty("plain") && empty("parts"));
    }

    #[pg_test]
    fn queries_see_what_this_transaction_did() {
        Spi::run("CREATE TABLE numbers AS SELECT 7::bigint AS n").expect("a table");
        for snapshot in [Snapshot::Transaction, Snapshot::Latest] {
            assert_eq!(
                select_bigint(snapshot, "SELECT n FROM numbers WHERE n = $1", &[7i64.into()]),
                Some(7)
            );
            assert_eq!(select_bigint(snapshot, "SELECT n FROM numbers WHERE n = 8", &[]), None);
        }
    }

    #[pg_test]
    fn directories_are_split_as_the_server_does() {
        let split = |list| text::split_directories(list);
        assert_eq!(
            split(c"/a, \"/b, c\" ,/d/"),
            Some(vec![b"/a".to_vec(), b"/b, c".to_vec(), b"/d".to_vec()])
        );
        assert_eq!(split(c"\"/a"), None);
    }
}
