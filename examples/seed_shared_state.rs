//! A small notes application on a queue of events: a database connection on a thread of its own,
//! two saves of one note, a search field, three widgets that want one picture, a window that is
//! closed too early, and an import with a progress bar.
//!
//! Look at the method of `App` for each: what it adds to a plain call is one line, the policy. Every
//! scene says what came of it, and checks it.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use offloop::{By, Context, Failure, Offloop, Resource, Scope};
use rusqlite::{Connection, params};

enum Event {
    CloseWindow,
    Wake,
}

struct App {
    off: Offloop<App>,
    /// SQLite's connection is not `Sync`, and blocks: it lives on a thread of its own.
    database: Resource<Connection>,
    bar: u32,
    hits: Vec<String>,
    window: Option<Window>,
    superseded: usize,
}

/// A widget, as in any toolkit: shared, and bound to the loop's thread.
type Label = Rc<RefCell<String>>;

struct Window {
    label: Label,
    /// Closing the window drops it, and with it ends what the window asked for.
    calls: Scope,
}

// Blocking functions, as they would be without offloop.

/// Runs on the connection's own thread, when the first call comes.
fn open_database() -> Connection {
    let database = Connection::open_in_memory().expect("SQLite opens a database in memory");
    let schema = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";
    database.execute_batch(schema).expect("the schema is right");
    database
}

fn save(database: &Connection, id: u32, text: &str) -> rusqlite::Result<()> {
    let statement = "INSERT INTO note VALUES (?1, ?2) ON CONFLICT DO UPDATE SET text = ?2";
    database.execute(statement, params![id, text]).map(drop)
}

fn load(database: &Connection, id: u32) -> rusqlite::Result<String> {
    database.query_row("SELECT text FROM note WHERE id = ?1", [id], |row| row.get(0))
}

fn search(database: &Connection, words: &str) -> rusqlite::Result<Vec<String>> {
    let mut query =
        database.prepare("SELECT text FROM note WHERE text LIKE '%' || ?1 || '%' ORDER BY id")?;
    query.query_map([words], |row| row.get(0))?.collect()
}

/// Stands for one on the network: each request waits for a reply that `main` sends.
#[derive(Clone)]
struct Server {
    replies: Arc<Mutex<mpsc::Receiver<String>>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn fetch(&self, _url: &str) -> String {
        self.requests.fetch_add(1, Relaxed);
        self.replies.lock().unwrap().recv().expect("the server is up")
    }
}

/// Reads a file of one note a line, and says how far it is, in percent.
fn parse(cx: &Context, file: &str) -> Vec<String> {
    let (mut notes, mut read) = (Vec::new(), 0);
    for line in file.split_inclusive('\n') {
        if cx.is_cancelled() {
            break; // nobody waits for the notes any more
        }
        thread::sleep(Duration::from_millis(2)); // a slow disk
        read += line.len();
        notes.push(line.trim_end().to_owned());
        cx.progress((read * 100 / file.len()) as u32);
    }
    notes
}

/// Writes a report, and stops when nobody wants it any more; says how many pages there are.
fn report(cx: &Context) -> usize {
    let is_wanted = |_: &usize| !cx.is_cancelled();
    (1..=10_000).take_while(is_wanted).inspect(|_| thread::sleep(Duration::from_millis(5))).count()
}

impl App {
    /// `.on_progress`: the bar moves while the function runs, to the newest value each time; values
    /// that the loop had no time for are skipped, and the function never waits for the loop.
    fn import(&mut self, file: &'static str) {
        self.off
            .call_with(move |cx| parse(cx, file))
            .on_progress(|app, percent: u32| {
                println!("import: {percent} %");
                app.bar = percent;
            })
            .then(|app, notes| {
                let notes = notes.expect("reading does not fail");
                println!("import: {} notes read; the bar stood at {} %", notes.len(), app.bar);
                assert_eq!(app.bar, 100, "progress is heard before the outcome");
                for (id, text) in (1..).zip(notes) {
                    app.save(id, text);
                }
            });
    }

    /// `call_on` alone: a resource runs its calls one at a time, in the order of their submits, so
    /// the save that the user asked for last is the one that stays. Saves on `.threads()` would need
    /// `.serial(id)`; `.in_order(id)` would order their handlers only, and not their writes.
    fn save(&mut self, id: u32, text: impl Into<String>) {
        let text = text.into();
        self.off
            .call_on(&self.database, move |database| save(database, id, &text))
            .deadline(Duration::from_secs(10))
            .then(move |_, outcome| match outcome {
                Ok(Ok(())) => println!("save: note {id} is safe"),
                Ok(Err(error)) => println!("save: the database refused note {id}: {error}"),
                Err(failure) => println!("save: note {id} may be lost: {failure}"),
            });
    }

    /// `.latest`: a keystroke supersedes the searches for what was typed before. Those that wait
    /// never run, and the answer of the one that runs is not shown.
    fn typed(&mut self, words: &'static str) {
        self.off
            .call_on(&self.database, move |database| search(database, words))
            .latest("the search field")
            .then(move |app, outcome| match outcome {
                Ok(Ok(hits)) => {
                    println!("search: {} hits for {words:?}", hits.len());
                    app.hits = hits;
                }
                Err(Failure::Cancelled(By::Superseded)) => app.superseded += 1,
                other => println!("search: no answer for {words:?}: {other:?}"),
            });
    }

    /// `.share`: who asks while a fetch is under way gets a clone of its result.
    fn show_picture(&mut self, url: &'static str, server: &Server, label: &Label) {
        let (server, label) = (server.clone(), label.clone());
        self.off
            .call(move || server.fetch(url))
            .share(url)
            .then(move |_, picture| *label.borrow_mut() = picture.unwrap_or_default());
    }

    /// `.within`: the handler holds a widget, and may, because it never leaves this thread. When the
    /// window goes, so does the handler, unrun.
    fn open_window(&mut self, user: mpsc::Sender<Event>, written: mpsc::Sender<usize>) {
        let window = Window { label: Label::default(), calls: self.off.scope() };
        let label = window.label.clone();
        self.off
            .call_with(move |cx| {
                let _ = user.send(Event::CloseWindow); // who does not wait for the report
                let _ = written.send(report(cx));
            })
            .within(&window.calls)
            .then(move |_, _| *label.borrow_mut() = "your report is written".to_owned());
        self.window = Some(window);
    }

    fn close_window(&mut self) {
        let Some(Window { label, calls }) = self.window.take() else { return };
        assert_eq!(Rc::strong_count(&label), 2, "the window's, and the handler's");
        drop(calls);
        assert_eq!(Rc::strong_count(&label), 1, "the handler went with the scope");
        println!("window: closed while its report was being written");
    }

    /// The loop. What it knows of offloop is the event `Wake`.
    fn run_until_idle(&mut self, queue: &mpsc::Receiver<Event>) -> Result<(), mpsc::RecvError> {
        while self.off.pending() > 0 {
            match queue.recv()? {
                Event::CloseWindow => self.close_window(),
                Event::Wake => {
                    self.off.clone().deliver(self);
                }
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (events, queue) = mpsc::channel();
    let waker = events.clone();
    let off = Offloop::<App>::builder().waker(move || waker.send(Event::Wake)).build()?;
    let database = off.resource(open_database);
    let mut app = App { off, database, bar: 0, hits: vec![], window: None, superseded: 0 };

    app.import("rusty nails\na trusted friend\nmilk\nrust in peace\n");
    app.run_until_idle(&queue)?;

    app.save(3, "milk, bread");
    app.save(3, "milk, bread, rust remover");
    app.off.call_on(&app.database, |database| load(database, 3)).then(|_, text| {
        println!("save: note 3 reads {text:?}");
        assert_eq!(text.unwrap().unwrap(), "milk, bread, rust remover", "the second save wins");
    });
    app.run_until_idle(&queue)?;

    for keystrokes in ["r", "ru", "rus", "rust i"] {
        app.typed(keystrokes); // faster than the loop goes round
    }
    app.run_until_idle(&queue)?;
    println!("search: {:?} is shown, {} keystrokes were superseded", app.hits, app.superseded);
    assert_eq!((app.hits.concat().as_str(), app.superseded), ("rust in peace", 3));

    let (reply, replies) = mpsc::channel();
    let server = Server { replies: Arc::new(Mutex::new(replies)), requests: Arc::default() };
    let labels = [Label::default(), Label::default(), Label::default()];
    for label in &labels {
        app.show_picture("https://pictures.example/ada", &server, label);
    }
    reply.send("a picture of Ada".to_owned())?;
    app.run_until_idle(&queue)?;
    println!("share: 3 labels show {:?}", labels[2].borrow());
    assert!(labels.iter().all(|label| *label.borrow() == "a picture of Ada"));
    assert_eq!(server.requests.load(Relaxed), 1, "one request served them all");

    let (written, pages) = mpsc::channel();
    app.open_window(events, written);
    app.run_until_idle(&queue)?;
    let pages = pages.recv()?;
    println!("window: the report ended after {pages} of 10000 pages: nobody waits for it");
    assert!(pages < 10_000);

    let end = app.off.shutdown(Duration::from_secs(60));
    assert!(end.abandoned.is_empty(), "no call is left behind: {end:?}");
    Ok(())
}
