//! Tests inside the server of [`Watches`](super::watches::Watches), which may write to its log.

#[pgrx::pg_schema]
mod tests {
    use crate::access::WatchedDirectory;
    use crate::launcher::schedule::PipelineKey;
    use crate::launcher::watches::Watches;
    use crate::pg::Oid;
    use pgrx::prelude::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn directory(path: &Path) -> WatchedDirectory {
        WatchedDirectory { path: path.as_os_str().as_bytes().to_vec(), has_files: true }
    }

    #[pg_test]
    fn a_pipeline_is_looked_at_again_when_its_directories_change() {
        let folder = std::env::temp_dir().join(format!("loader-watches-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        let key = PipelineKey { database: Oid::from(1), name: b"p".to_vec() };
        let news = |watches: &mut Watches| watches.take_news().into_iter().collect::<Vec<_>>();
        let mut watches = Watches::new();
        assert!(watches.set(&key, &[directory(&folder)]));
        assert!(!watches.set(&key, &[directory(&folder)]));
        fs::write(folder.join("a.json"), "1").expect("a file");
        assert_eq!(news(&mut watches), std::slice::from_ref(&key));
        assert_eq!(news(&mut watches), []);
        // It is gone since somebody found it, so nothing will tell that another one comes.
        assert!(watches.set(&key, &[directory(&folder.join("below"))]));
        assert!(watches.set(&key, &[directory(&folder)]));
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(news(&mut watches), std::slice::from_ref(&key));
    }
}
