//! Pictures from strangers, decoded by a C library in worker processes with a limit of memory and a
//! deadline, while the loop keeps ticking. Of thirteen files five are no good: one is cut off, two
//! make the library call `exit`, one wants all memory and one all the time.
//!
//! Look at `on_thumbnail`: whatever a file does to its decoder is an `Outcome`, and of that file.

use std::error::Error;

#[cfg(target_os = "linux")]
#[path = "untrusted/album.rs"]
mod album;
#[cfg(target_os = "linux")]
#[path = "untrusted/jpeg.rs"]
mod jpeg;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), Box<dyn Error>> {
    println!("untrusted is for Linux: worker processes are implemented there");
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::error::Error;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::{Duration, Instant};
    use std::{fs, io};

    use offloop::{Exit, Failure, Functions, Offloop, Outcome, Processes};
    use serde::{Deserialize, Serialize};

    use super::album;
    use super::jpeg::{self, Picture};

    /// A stranger's file gets no more than this.
    const MEMORY: u64 = 256 << 20;
    const TIME: Duration = Duration::from_secs(10);

    #[derive(Debug, Serialize, Deserialize)]
    struct Thumbnail {
        width: usize,
        height: usize,
        /// The mean of all pixels: a very small thumbnail.
        colour: [u8; 3],
        damaged: bool,
    }

    /// Runs in a worker process. What crosses is a path and a small value, not the pixels.
    fn thumbnail(path: PathBuf) -> Result<Thumbnail, String> {
        let file = fs::read(path).map_err(|error| error.to_string())?;
        let picture = jpeg::decode(&file);
        let colour = [0, 1, 2].map(|channel| {
            let values = picture.pixels.chunks_exact(3).map(|pixel| u64::from(pixel[channel]));
            (values.sum::<u64>() / (picture.width * picture.height) as u64) as u8
        });
        let Picture { width, height, damaged, .. } = picture;
        Ok(Thumbnail { width, height, colour, damaged })
    }

    struct App {
        off: Offloop<App>,
        /// What came of each file, in a word.
        found: BTreeMap<String, &'static str>,
        ticks: u32,
        longest: Duration,
    }

    impl App {
        fn open(&mut self, path: PathBuf) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.off
                .call_fn(thumbnail, path)
                .process()
                .deadline(TIME)
                .then(move |app, outcome| app.on_thumbnail(name, outcome));
        }

        fn on_thumbnail(&mut self, name: String, outcome: Outcome<Result<Thumbnail, String>>) {
            match &outcome {
                Ok(Ok(thumbnail)) => println!("{name}: {thumbnail:?}"),
                Ok(Err(error)) => println!("{name}: cannot be read: {error}"),
                Err(failure) => println!("{name}: {failure}"),
            }
            let found = match outcome {
                Ok(Ok(Thumbnail { damaged: false, .. })) => "good",
                Ok(Ok(Thumbnail { damaged: true, .. })) => "damaged",
                Ok(Err(_)) => "unreadable",
                Err(Failure::Died(Exit::MemoryLimit)) => "out of memory",
                Err(Failure::Died(_)) => "ended its decoder",
                Err(Failure::TimedOut) => "out of time",
                Err(_) => "not decoded",
            };
            self.found.insert(name, found);
        }

        /// The loop, which would like to tick every 10 ms.
        fn run_until_idle(&mut self, queue: &mpsc::Receiver<()>) {
            let mut due = Instant::now();
            while self.off.pending() > 0 {
                match queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Ok(()) => drop(self.off.clone().deliver(self)),
                    Err(RecvTimeoutError::Timeout) => {
                        self.ticks += 1;
                        self.longest = self.longest.max(due.elapsed());
                        due = Instant::now() + Duration::from_millis(10);
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let functions = Functions::new().add("thumbnail", thumbnail);
        offloop::worker::run_if_worker(&functions); // the same program becomes the worker

        let folder = tempfile::tempdir()?;
        album::write(folder.path())?;
        let (events, queue) = mpsc::channel();
        let processes = Processes::new(functions)
            .workers(2)
            .memory_limit(MEMORY)
            .on_output(|line| println!("  (a worker says: {})", line.text));
        let off = Offloop::<App>::builder()
            .waker(move || events.send(()))
            .processes(processes)
            .build()?;
        let mut app = App { off, found: BTreeMap::new(), ticks: 0, longest: Duration::ZERO };

        for path in files(folder.path())? {
            app.open(path);
        }
        app.run_until_idle(&queue);

        println!("the loop ticked {} times, at most {:?} late", app.ticks, app.longest);
        for (name, found) in &app.found {
            let expected = match name.trim_end_matches(".jpg") {
                "cut-off" => "damaged",
                "no-picture" | "bad-table" => "ended its decoder",
                "memory-bomb" => "out of memory",
                "time-bomb" => "out of time",
                _ => "good",
            };
            assert_eq!(*found, expected, "{name}");
        }
        assert_eq!(app.found.len(), 13);
        let end = app.off.shutdown(Duration::from_secs(60));
        assert!(end.abandoned.is_empty(), "a process is killed, not abandoned: {end:?}");
        Ok(())
    }
}
