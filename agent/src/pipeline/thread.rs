//! The worker's thread: a bounded queue before it, a watch on how long it is at one thing, and another one in its
//! place when it hangs.
//!
//! A panic in a decoder costs that one scrape. A decoder that never returns cannot be ended from outside, so its
//! thread is left behind and a new worker takes over; what waited for the old one is told so and comes again with its
//! next turn.

use super::sink::Sink;
use super::{Facts, Job, Reply, Worker};
use crate::scrape::outcome::{Failure, State};
use linger_config::CollectorKind;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Jobs that wait at most; each lane waits for its reply, so this is three lanes of 21 targets. Others wait for room.
const JOBS_MAX: usize = 64;

/// Something the worker does between scrapes, such as judging thresholds.
pub type Duty = Box<dyn FnOnce() + Send>;

enum Message {
    Work(Box<Job>, oneshot::Sender<Reply>),
    Each(Duty),
    /// There is news of the targets.
    News,
}

/// Which targets there are: told apart from the queue of jobs, so that telling never waits for a worker.
enum News {
    Watch(Box<Facts>),
    Forget(String),
}

/// What a worker is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Decoding and deriving one scrape.
    Scrape(String, CollectorKind),
    /// A duty between scrapes.
    Duty,
}

/// A worker that does not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hung {
    /// What it is at.
    pub work: Work,
    /// Since when.
    pub began: Instant,
}

/// What the thread is at, and since when; written by it, read by the supervisor.
type At = Arc<Mutex<Option<(Work, Instant)>>>;

/// A handle to the worker; all clones follow when it is replaced.
#[derive(Clone)]
pub struct Pipeline {
    present: Rc<RefCell<Present>>,
    /// What the worker that was replaced last hung at.
    replaced: watch::Sender<Option<Work>>,
}

struct Present {
    to: mpsc::Sender<Message>,
    at: At,
    /// Taken before each job; as many as there are targets at most, since each change is one of them.
    news: Arc<Mutex<VecDeque<News>>>,
    /// Set when another worker took over: what still waits here is not for this one any more.
    retired: Arc<AtomicBool>,
}

impl Pipeline {
    /// Starts a worker on its own thread; it ends when the last handle is gone.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<S: Sink + Send + 'static>(worker: Worker<S>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (present, thread) = spawn(worker)?;
        let pipeline = Self { present: Rc::new(RefCell::new(present)), replaced: watch::Sender::new(None) };
        Ok((pipeline, thread))
    }

    /// Puts another worker in the place of one that hangs. The old thread ends by itself should it ever come back.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn replace<S: Sink + Send + 'static>(&self, worker: Worker<S>) -> std::io::Result<JoinHandle<()>> {
        let (present, thread) = spawn(worker)?;
        let was_at = lock(&self.present.borrow().at).clone().map(|(work, _)| work);
        let former = std::mem::replace(&mut *self.present.borrow_mut(), present);
        former.retired.store(true, Ordering::Relaxed);
        self.replaced.send_replace(was_at);
        Ok(thread)
    }

    /// What the worker is at, when it has been at it for `patience`.
    #[must_use]
    pub fn hung(&self, patience: Duration) -> Option<Hung> {
        let (work, began) = lock(&self.present.borrow().at).clone()?;
        (began.elapsed() > patience).then_some(Hung { work, began })
    }

    /// Has one scrape decoded and stored.
    pub async fn work(&self, job: Job) -> Reply {
        let own = Work::Scrape(job.target.clone(), job.kind);
        let mut replaced = self.replaced.subscribe();
        let (reply_to, reply) = oneshot::channel();
        let to = self.present.borrow().to.clone();
        let answered = async move {
            to.send(Message::Work(Box::new(job), reply_to)).await.ok()?;
            reply.await.ok()
        };
        tokio::select! {
            reply = answered => reply.unwrap_or_else(|| Reply::failed(stopped())),
            _ = replaced.changed() => {
                let culprit = self.replaced.borrow().as_ref() == Some(&own);
                Reply::failed(if culprit { stuck() } else { interrupted() })
            }
        }
    }

    /// Has `duty` done between scrapes; dropped when the queue is full, since it comes again.
    pub fn between_scrapes(&self, duty: Duty) {
        let _ = self.present.borrow().to.try_send(Message::Each(duty));
    }

    /// Has the worker know a target, before the next job.
    pub fn watch(&self, facts: Facts) {
        self.tell(News::Watch(Box::new(facts)));
    }

    /// Has the worker forget a target, before the next job.
    pub fn forget(&self, target: &str) {
        self.tell(News::Forget(target.to_owned()));
    }

    fn tell(&self, news: News) {
        let present = self.present.borrow();
        present.news.lock().unwrap_or_else(PoisonError::into_inner).push_back(news);
        // Wakes one that has nothing to do; one whose queue is full looks before its next job anyway.
        let _ = present.to.try_send(Message::News);
    }
}

fn spawn<S: Sink + Send + 'static>(mut worker: Worker<S>) -> std::io::Result<(Present, JoinHandle<()>)> {
    let (to, mut from) = mpsc::channel(JOBS_MAX);
    let (at, news, retired) = (At::default(), Arc::default(), Arc::new(AtomicBool::new(false)));
    let present = Present { to, at, news, retired };
    let (board, news, retired) = (present.at.clone(), present.news.clone(), present.retired.clone());
    let run = move || {
        while let Some(message) = from.blocking_recv() {
            if retired.load(Ordering::Relaxed) {
                return;
            }
            while let Some(one) = next(&news) {
                match one {
                    News::Watch(facts) => worker.watch(*facts),
                    News::Forget(target) => worker.forget(&target),
                }
            }
            match message {
                Message::Work(job, reply_to) => {
                    set(&board, Some(Work::Scrape(job.target.clone(), job.kind)));
                    let reply = guarded(&job, || worker.take(&job));
                    set(&board, None);
                    // A lane that is gone (shutdown) needs no reply.
                    let _ = reply_to.send(reply);
                }
                Message::Each(duty) => {
                    set(&board, Some(Work::Duty));
                    if catch_unwind(AssertUnwindSafe(duty)).is_err() {
                        tracing::error!("judging thresholds failed; it is tried again at the next turn");
                    }
                    set(&board, None);
                }
                Message::News => {}
            }
        }
    };
    let thread = std::thread::Builder::new().name("linger-pipeline".into()).spawn(run)?;
    Ok((present, thread))
}

fn next(news: &Mutex<VecDeque<News>>) -> Option<News> {
    news.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn set(board: &At, work: Option<Work>) {
    *lock(board) = work.map(|work| (work, Instant::now()));
}

fn lock(board: &At) -> std::sync::MutexGuard<'_, Option<(Work, Instant)>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stopped() -> Failure {
    Failure::new(State::Internal, "the pipeline has stopped")
}

fn stuck() -> Failure {
    Failure::new(State::Stuck, "decoding this answer did not end; the worker was replaced")
}

fn interrupted() -> Failure {
    Failure::new(State::Internal, "another scrape's decoding hung, and this one waited behind it")
}

fn guarded(job: &Job, work: impl FnOnce() -> Reply) -> Reply {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!(
            target = job.target,
            collector = job.kind.as_str(),
            "decoding panicked; please report it"
        );
        Reply::failed(Failure::new(State::Internal, "decoding panicked"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Pipeline, Work};
    use crate::pipeline::Fetched;
    use crate::pipeline::sink::Sink;
    use crate::pipeline::{Facts, Job, Shown, Worker};
    use crate::scrape::client::Answer;
    use crate::scrape::outcome::State;
    use linger_config::CollectorKind;
    use linger_series::{Labels, SeriesKey, TimeMs};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    /// Waits in `append` until the other end says or is gone, as a decoder that never returns would.
    struct Hanging(Receiver<()>);

    impl Sink for Hanging {
        fn append(&mut self, _: &str, _: &str, _: TimeMs, _: &[(SeriesKey, f64)]) {
            let _ = self.0.recv();
        }
        fn remember(&mut self, _: &str, _: &[u8]) {}
    }

    fn facts(name: &str) -> Facts {
        Facts {
            name: name.into(),
            labels: Labels::empty(),
            sites_max: 10,
            goroutine_profiles: true,
            incarnation_note: None,
            shown: Shown::default(),
        }
    }

    fn job(target: &str) -> Job {
        let body = "<html><title>/debug/pprof/</title><a href='goroutine?debug=1'>goroutine</a></html>";
        Job {
            target: target.into(),
            kind: CollectorKind::Count,
            at: TimeMs(1),
            window_s: 0,
            fetched: Ok(Fetched::Answer(Answer {
                body: body.into(),
                cut: None,
                body_bytes_max: 1 << 20,
                took: Duration::from_millis(1),
            })),
            cost: None,
            symbols: None,
            program: None,
        }
    }

    #[test]
    fn a_worker_that_hangs_is_replaced_and_who_waited_is_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (release, held) = channel();
            let (pipeline, old) =
                Pipeline::start(Worker::new([facts("a"), facts("b")], Hanging(held), None)).unwrap();
            assert_eq!(pipeline.hung(Duration::ZERO), None, "it has nothing to do yet");
            let supervised = async {
                let hung = loop {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    if let Some(hung) = pipeline.hung(Duration::from_millis(50)) {
                        break hung;
                    }
                };
                let (all_well, never) = channel();
                drop(all_well);
                let fresh = Worker::new([facts("a"), facts("b")], Hanging(never), None);
                (hung.work, pipeline.replace(fresh).unwrap())
            };
            let first = pipeline.work(job("a"));
            let second = async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                pipeline.work(job("b")).await
            };
            let (first, second, (work, _new)) = tokio::join!(first, second, supervised);
            assert_eq!(work, Work::Scrape("a".into(), CollectorKind::Count));
            assert_eq!(first.state, State::Stuck);
            assert_eq!(second.state, State::Internal);
            assert_ne!(pipeline.work(job("b")).await.state, State::Internal, "the new worker works");
            drop(release);
            old.join().unwrap();
        });
    }
}
