//! The extension in a folder of its own, as `make oci` lays it out and Kubernetes mounts it: from
//! PostgreSQL 18 on, a server finds it by extension_control_path and dynamic_library_path.

use crate::helpers::{count, figure, files, table};
use loader_client_tests::{Cluster, Limits, load_many};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_folder_that_is_mounted_has_all_that_it_takes() {
    let shared = Cluster::shared();
    if figure(&mut shared.connect("postgres"), "SELECT current_setting('server_version_num')::bigint")
        < 180_000
    {
        return;
    }
    let root = shared.path("files/mounted");
    for folder in ["", "lib", "share", "share/extension"] {
        fs::create_dir(root.join(folder)).expect("a folder");
        shared.give(&root.join(folder));
    }
    let copy = |from: &Path, to: &str| {
        let file = root.join(to).join(from.file_name().expect("a name"));
        fs::copy(from, &file).expect("a copy");
        shared.give(&file);
    };
    copy(&installed(shared, "--pkglibdir").join("loader.so"), "lib");
    for entry in fs::read_dir(installed(shared, "--sharedir").join("extension")).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"loader")) {
            copy(&path, "share/extension");
        }
    }

    // It is installed in the server's own folders, too, and these come second.
    let control = format!("extension_control_path = '{}/share:$system'", root.display());
    let library = format!("dynamic_library_path = '{}/lib:$libdir'", root.display());
    let preload = "shared_preload_libraries = 'loader'";
    let cluster = Cluster::start(&[&control, &library, preload], Limits::default());
    let database = cluster.database("mounted");
    let mut client = database.connect();
    let maps: String = client.query_one("SELECT pg_read_file('/proc/self/maps')", &[]).expect("maps").get(0);
    let libraries: Vec<&str> = maps.lines().filter(|line| line.ends_with("/loader.so")).collect();
    let ours = root.join("lib/loader.so");
    let ours = ours.to_str().expect("UTF-8");
    assert!(!libraries.is_empty() && libraries.iter().all(|line| line.ends_with(ours)), "{libraries:?}");

    table(&mut client, "t");
    let pattern = files(&database, "mounted", &[("1", "{}\n{}\n"), ("2", "{\"n\": 1}\n")]);
    let call = load_many(&mut client, &pattern, "t", "workers => 2").expect("a call");
    assert_eq!((call.loaded, count(&mut client, "t")), (2, 3));
}

/// What pg_config says of the PostgreSQL under test.
fn installed(cluster: &Cluster, what: &str) -> PathBuf {
    let output = cluster.command("pg_config").arg(what).output().expect("pg_config runs");
    PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
}
