//! What is not a regular file, not there or not allowed: a clean error at
//! once, never a hang.

use crate::helpers::{lines, session};
use loader_client_tests::{load, load_with, sqlstate};
use postgres::error::SqlState;
use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

#[test]
fn what_is_no_regular_file() {
    let (database, mut client) = session("files_kinds");
    let cluster = database.cluster;
    // A hang would end here.
    client.batch_execute("SET statement_timeout = '30s'").expect("the timeout");

    let fifo = cluster.path("files/fifo");
    let name = CString::new(fifo.to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: the pointer is to a C string that lives.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o666) }, 0);
    cluster.give(&fifo);
    let socket = cluster.path("files/socket");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    fs::set_permissions(&socket, Permissions::from_mode(0o777)).expect("permissions");
    let link = cluster.path("files/link");
    symlink(&fifo, &link).expect("a link");

    for path in [fifo, socket, link, cluster.path("files")] {
        let path = path.to_str().expect("UTF-8");
        assert_eq!(sqlstate(load(&mut client, path, "t")), SqlState::WRONG_OBJECT_TYPE, "{path}");
    }
    for path in ["/dev/null", "/dev/zero", "/dev/tty", "/proc/self/status", "/proc/self/environ"] {
        let code = sqlstate(load(&mut client, path, "t"));
        // A terminal device cannot even be opened where there is no terminal.
        assert!(code == SqlState::WRONG_OBJECT_TYPE || path == "/dev/tty", "{path}: {code:?}");
    }
}

#[test]
fn what_is_not_there() {
    let (database, mut client) = session("files_missing");
    let missing = database.cluster.path("files/missing.json");
    assert_eq!(sqlstate(load(&mut client, missing.to_str().expect("UTF-8"), "t")), SqlState::UNDEFINED_FILE);
    for path in ["relative.json", "./relative.json", "../relative.json", ""] {
        assert_eq!(sqlstate(load(&mut client, path, "t")), SqlState::INVALID_PARAMETER_VALUE, "{path:?}");
    }
    let unreadable = database.file("unreadable.json", lines(3));
    fs::set_permissions(&unreadable, Permissions::from_mode(0o000)).expect("permissions");
    assert_eq!(sqlstate(load(&mut client, &unreadable, "t")), SqlState::INSUFFICIENT_PRIVILEGE);
}

#[test]
fn an_empty_file_and_an_odd_name() {
    let (database, mut client) = session("files_odd");
    let path = database.file("empty.json", "");
    let outcome = load(&mut client, &path, "t").expect("a load of nothing");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected, outcome.bytes_read), (0, 0, 0));
    let path = database.file("odd 'name' \"quoted\" %s %n \\ ünï.json", lines(3));
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 3);
}

#[test]
fn compression_by_content_and_not_by_name() {
    use std::io::Write;
    let (database, mut client) = session("files_gzip");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(lines(1000).as_bytes()).expect("gzip");
    let bytes = encoder.finish().expect("gzip");

    let path = database.file("not-named-gz.json", &bytes);
    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.bytes_read), (1000, lines(1000).len() as i64));
    let path = database.file("plain.json.gz", lines(7));
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 7);

    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    let path = database.file("cut.gz", &bytes[..bytes.len() / 2]);
    assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::BAD_COPY_FILE_FORMAT);
    let mut corrupt = bytes.clone();
    let middle = bytes.len() / 2;
    corrupt[middle..middle + 40].fill(0x55);
    let path = database.file("corrupt.gz", &corrupt);
    assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::BAD_COPY_FILE_FORMAT);
    assert_eq!(crate::helpers::count(&mut client, "t"), 0);
}

#[test]
fn allowed_directories() {
    let (database, mut client) = session("files_allowed");
    let cluster = database.cluster;
    for folder in ["allowed", "allowed-not", "allowed/deeper"] {
        fs::create_dir(cluster.path("files").join(folder)).expect("a folder");
        fs::set_permissions(cluster.path("files").join(folder), Permissions::from_mode(0o755))
            .expect("permissions");
    }
    let inside = cluster.file("allowed/inside.json", lines(1));
    let deeper = cluster.file("allowed/deeper/inside.json", lines(2));
    let outside = cluster.file("allowed-not/outside.json", lines(3));
    let at = |name: &str| cluster.path("files").join(name).to_str().expect("UTF-8").to_owned();
    symlink(&outside, at("allowed/out.json")).expect("a link");
    symlink(&inside, at("allowed-not/in.json")).expect("a link");
    symlink(at("allowed-not"), at("allowed/folder")).expect("a link");
    symlink(at("allowed"), at("alias")).expect("a link");

    client
        .batch_execute(&format!("SET loader.allowed_directories = '{}'", at("allowed")))
        .expect("the setting");
    let mut force = |path: &str| load_with(&mut client, path, "t", "if_loaded => 'force'");
    for path in [
        &inside,
        &deeper,
        &at("allowed-not/in.json"),
        &at("alias/inside.json"),
        &at("allowed/../allowed/inside.json"),
    ] {
        assert!(force(path).is_ok(), "{path}: {:?}", force(path));
    }
    let denied = [
        outside,
        at("allowed/out.json"),
        at("allowed/folder/outside.json"),
        at("allowed/../allowed-not/outside.json"),
        // Whether they exist is not told either.
        at("allowed-not/missing.json"),
        at("allowed/folder/missing.json"),
        "/etc/passwd".to_owned(),
        "/nowhere/at/all".to_owned(),
        at("allowed-not"),
    ];
    for path in &denied {
        assert_eq!(sqlstate(force(path)), SqlState::INSUFFICIENT_PRIVILEGE, "{path}");
    }
    assert_eq!(sqlstate(force(&at("allowed/missing.json"))), SqlState::UNDEFINED_FILE);

    client
        .batch_execute(&format!("SET loader.allowed_directories = '/nowhere, {}'", at("alias")))
        .expect("the setting");
    assert!(load_with(&mut client, &inside, "t", "if_loaded => 'force'").is_ok());

    client.batch_execute("CREATE ROLE files_plain").expect("a role");
    client.batch_execute("SET ROLE files_plain").expect("SET ROLE");
    let result = client.batch_execute("SET loader.allowed_directories = ''");
    assert_eq!(sqlstate(result), SqlState::INSUFFICIENT_PRIVILEGE);
}
