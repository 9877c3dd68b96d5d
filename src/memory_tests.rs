//! Tests inside the server: whichever allocation fails, a load ends in an error or as
//! it would have, and the server goes on.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::executor::subtransaction;
    use crate::pg::memory::allocator::failing;
    use pgrx::prelude::*;
    use std::fs;
    use std::path::PathBuf;

    /// A folder that goes with this value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("loader-{}-{name}", std::process::id()));
            fs::create_dir(&folder).expect("a folder");
            Folder(folder)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> String {
            let path = self.0.join(name);
            fs::write(&path, bytes).expect("a file");
            path.display().to_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn records(count: usize) -> String {
        (0..count).map(|n| format!("{{\"n\": {n}, \"tags\": [\"a\", {{\"b\": null}}]}}\n")).collect()
    }

    /// A gzip file that stores its content as it is.
    fn gzip(content: &[u8]) -> Vec<u8> {
        let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        let crc = !content.iter().fold(!0, |crc: u32, &b| (0..8).fold(crc ^ u32::from(b), step));
        let length = content.len() as u16;
        let mut file = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1];
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&(!length).to_le_bytes());
        file.extend_from_slice(content);
        file.extend_from_slice(&crc.to_le_bytes());
        file.extend_from_slice(&u32::from(length).to_le_bytes());
        file
    }

    /// The same as a frame of zstd.
    fn zstd(content: &[u8]) -> Vec<u8> {
        let length = content.len() as u32;
        let mut file = vec![0x28, 0xB5, 0x2F, 0xFD, 0xA0];
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&(length << 3 | 1).to_le_bytes()[..3]);
        file.extend_from_slice(content);
        file
    }

    fn figure(statement: &str) -> i64 {
        Spi::get_one(statement).expect("a statement").expect("a figure")
    }

    /// Runs the statement again and again, each time with another allocation that
    /// fails, until it needs no more of them.
    fn fail_at_every_call(statement: &str, expected: i64) {
        // What is allocated but once must not lie in the reserve.
        assert_eq!(figure(statement), expected);
        let mut refused = 0;
        for for_good in [false, true] {
            for call in 0.. {
                let run = || {
                    subtransaction::attempt(
                        || figure(statement),
                        |code| (code == PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY).then_some(()),
                    )
                };
                let (outcome, reached) = failing::during(call, for_good, run);
                match outcome {
                    Ok(figure) => assert_eq!(figure, expected, "call {call}"),
                    Err(()) => refused += 1,
                }
                assert!(failing::held() < 16 * 1024, "{} bytes after call {call}", failing::held());
                if !reached {
                    break;
                }
            }
        }
        assert!(refused > 0);
    }

    fn load(path: &str) -> String {
        format!(
            "SELECT rows_loaded + 1000 * rows_rejected
             FROM load_json_file('{path}', 't', if_loaded => 'force')"
        )
    }

    fn table() {
        Spi::run("SELECT seed_json_table('t')").expect("a table");
    }

    #[pg_test]
    fn an_allocation_fails_in_a_load() {
        let folder = Folder::new("load");
        table();
        fail_at_every_call(&load(&folder.file("good", records(50).as_bytes())), 50);
    }

    #[pg_test]
    fn an_allocation_fails_in_a_load_with_rejects() {
        let folder = Folder::new("rejects");
        table();
        let damaged =
            records(50).replace("\"n\": 7,", "\"n\": 7").replace("null}]}\n{\"n\": 30", "null}]\n{\"n\": 30");
        fail_at_every_call(&load(&folder.file("damaged", damaged.as_bytes())), 2048);
    }

    #[pg_test]
    fn an_allocation_fails_in_a_load_with_threads() {
        let folder = Folder::new("threads");
        table();
        Spi::run("SET loader.parse_threads = 2").expect("a setting");
        let long = format!("{{\"long\": \"{}\"}}\n", "x".repeat(100_000)).repeat(15);
        fail_at_every_call(&load(&folder.file("long", long.as_bytes())), 15);
    }

    #[pg_test]
    fn an_allocation_fails_in_a_load_of_a_compressed_file() {
        let folder = Folder::new("compressed");
        table();
        let content = records(50);
        fail_at_every_call(&load(&folder.file("gzip", &gzip(content.as_bytes()))), 50);
        fail_at_every_call(&load(&folder.file("zstd", &zstd(content.as_bytes()))), 50);
    }

    #[pg_test]
    fn an_allocation_fails_while_files_are_read() {
        let folder = Folder::new("read");
        for n in 0..4 {
            folder.file(&format!("file {n}"), records(10).as_bytes());
        }
        let pattern = folder.0.join("*").display().to_string();
        fail_at_every_call(&format!("SELECT count(*) FROM read_json_file('{pattern}')"), 40);
    }
}
