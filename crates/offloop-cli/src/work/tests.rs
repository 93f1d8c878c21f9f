//! Names, lines of digests, and the hashing of one file.

mod digest {
    use super::super::digest::{FileError, PIECE_BYTES, hash};
    use std::io::Write;

    fn hex(digest: &[u8]) -> String {
        digest.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abc").unwrap();
        let hashed = hash(file.path(), &|| false).unwrap();
        assert_eq!(hashed.bytes, 3);
        assert_eq!(
            hex(&hashed.digest),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_file_larger_than_the_buffer_is_read_to_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = PIECE_BYTES as u64 * 2 + 17;
        file.as_file().set_len(bytes).unwrap();
        assert_eq!(hash(file.path(), &|| false).unwrap().bytes, bytes);
    }

    #[test]
    fn a_missing_file_and_a_folder_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = hash(&folder.path().join("no"), &|| false);
        assert!(matches!(missing, Err(FileError::Vanished)), "{missing:?}");
        #[cfg(unix)]
        {
            let error = hash(folder.path(), &|| false).unwrap_err();
            assert_eq!(error.to_string(), "is a folder now, and no regular file");
        }
    }

    #[test]
    fn a_stop_ends_the_reading() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let result = hash(file.path(), &|| true);
        assert!(matches!(result, Err(FileError::Stopped)), "{result:?}");
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(10).unwrap();
        let result = super::super::digest::read(file.path(), &|| false, |_| {
            file.as_file().set_len(20).unwrap();
        });
        assert!(matches!(result, Err(FileError::Changed)), "{result:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_does_not_hold_the_caller() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let status = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(status.unwrap().success());
        let error = hash(&pipe, &|| false).unwrap_err();
        assert!(error.to_string().contains("named pipe"), "{error}");
    }
}

mod digest_async {
    use super::super::digest::{self, FileError, Hashed, PIECE_BYTES};
    use super::super::digest_async::hash;
    use std::cell::RefCell;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// On one thread: what a future waits for there, others can go on beside.
    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn hash_here(path: &Path) -> Result<Hashed, FileError> {
        run(hash(path, || false))
    }

    #[test]
    fn it_is_the_digest_that_the_call_finds_for_every_length() {
        let folder = tempfile::tempdir().unwrap();
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 17] {
            let path = folder.path().join(length.to_string());
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            std::fs::write(&path, bytes).unwrap();
            let hashed = hash_here(&path).unwrap();
            assert_eq!(hashed.bytes, length as u64);
            assert_eq!(hashed, digest::hash(&path, &|| false).unwrap());
        }
    }

    #[test]
    fn between_two_pieces_the_thread_is_given_to_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(PIECE_BYTES as u64 * 8).unwrap();
        let turns = Arc::new(AtomicU32::new(0));
        let seen = RefCell::new(Vec::new());
        run(async {
            let turns_of_other = Arc::clone(&turns);
            tokio::spawn(async move {
                loop {
                    turns_of_other.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            });
            let look = || {
                seen.borrow_mut().push(turns.load(Ordering::Relaxed));
                false
            };
            hash(file.path(), look).await.unwrap();
        });
        let seen = seen.into_inner();
        assert!(seen.len() >= 9 && seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    }

    #[test]
    fn what_is_no_regular_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = hash_here(&folder.path().join("no"));
        assert!(matches!(missing, Err(FileError::Vanished)), "{missing:?}");
        #[cfg(unix)]
        {
            let error = hash_here(folder.path()).unwrap_err();
            assert_eq!(error.to_string(), "is a folder now, and no regular file");
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let error = hash_here(&pipe).unwrap_err();
            assert!(error.to_string().contains("named pipe"), "{error}");
        }
    }

    #[test]
    fn a_stop_ends_it_and_a_file_that_grows_meanwhile_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(10).unwrap();
        let stopped = run(hash(file.path(), || true));
        assert!(matches!(stopped, Err(FileError::Stopped)), "{stopped:?}");
        let grown = run(hash(file.path(), || {
            file.as_file().set_len(20).unwrap();
            false
        }));
        assert!(matches!(grown, Err(FileError::Changed)), "{grown:?}");
    }
}

mod names {
    use super::super::names::shown;
    use std::path::Path;

    #[test]
    fn a_plain_name_is_shown_as_it_is() {
        assert_eq!(shown(Path::new("a dir/größe.txt")), "a dir/größe.txt");
    }

    #[test]
    fn what_would_break_the_line_is_escaped() {
        let name = Path::new("a\nb\r\tc\u{1b}[31m\u{202e}");
        assert_eq!(shown(name), "a\\nb\\r\\tc\\u{1b}[31m\\u{202e}");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8_and_backslashes_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let raw = Path::new(std::ffi::OsStr::from_bytes(b"x\xffy"));
        assert_eq!(shown(raw), "x\\xffy");
        assert_eq!(shown(Path::new("x\\xffy")), "x\\\\xffy");
    }
}

mod sums {
    use super::super::sums::write_line;
    use std::path::Path;

    fn line(name: &str) -> String {
        let mut out = Vec::new();
        write_line(&mut out, &[0xab; 32], Path::new(name)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_plain_name_follows_two_spaces() {
        assert_eq!(line("a b"), format!("{}  a b\n", "ab".repeat(32)));
    }

    #[test]
    fn an_escaped_name_is_announced_by_a_backslash() {
        let hex = "ab".repeat(32);
        assert_eq!(line("a\nb\\c\rd"), format!("\\{hex}  a\\nb\\\\c\\rd\n"));
    }
}
