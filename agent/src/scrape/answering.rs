//! The program that answers, where it runs on this machine and its file can be read: it tells what the addresses in its
//! profiles mean, exactly, and spares the service being asked for names.
//!
//! Its memory is not read, so this works where censuses are refused. It refuses a program that its process does not run
//! any more: an answer of one is never read by the file of another.

use super::census::AT_ONCE;
use super::lane::Scraper;
use linger_derive::defers::program::Program;
use linger_gobin::census::{DeferCall, Stop};
use linger_probe::{NoCensus, Pid, ProgramCalls, StartTime};
use std::sync::{Arc, Mutex, PoisonError};

/// A program that was opened; clones share it.
#[derive(Clone, Debug)]
pub struct AnsweringProgram(Arc<Mutex<ProgramCalls>>);

impl AnsweringProgram {
    /// Asks it, and has it give back what it does not need afterwards.
    pub fn ask<T>(&self, question: impl FnOnce(&mut dyn Program) -> T) -> T {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = question(&mut Asked(&mut calls));
        calls.let_go();
        answer
    }

    fn is_run(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_run()
    }
}

struct Asked<'a>(&'a mut ProgramCalls);

impl Program for Asked<'_> {
    fn before(&mut self, return_address: u64) -> Result<Option<DeferCall>, Stop> {
        self.0.before(return_address)
    }

    fn start_line(&mut self, pc: u64) -> Result<Option<u32>, Stop> {
        self.0.start_line(pc)
    }
}

/// The process whose program was looked at last, and what came of it: a file that means nothing to us is not looked at
/// again and again.
#[derive(Debug, Default)]
pub struct Answering(Option<((Pid, StartTime), Result<AnsweringProgram, NoCensus>)>);

impl Scraper {
    /// The program behind the target, if it is surely the one that answered just now.
    pub(super) async fn answering_program(&self) -> Option<AnsweringProgram> {
        let process = self.local_process().await.ok()?;
        let id = (process.pid, process.started);
        let known =
            self.answering.borrow().0.as_ref().filter(|(of, _)| *of == id).map(|(_, was)| was.clone());
        match known {
            Some(Ok(program)) if program.is_run() => return Some(program),
            // It ran its program anew after it answered, or before: nobody knows.
            Some(Ok(_)) => {
                self.answering.borrow_mut().0 = None;
                return None;
            }
            Some(Err(_)) => return None,
            None => {}
        }
        // Never closed.
        let permit = AT_ONCE.acquire().await.ok();
        let opened = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let opened = ProgramCalls::open(id.0, id.1);
            // Looking at a program for the first time takes some MiB that are not needed again.
            linger_probe::trim();
            opened
        });
        let opened = opened.await.ok()?.map(|calls| AnsweringProgram(Arc::new(Mutex::new(calls))));
        self.answering.borrow_mut().0 = Some((id, opened));
        // It answered before it was looked at: the next answer is read by it.
        None
    }
}
