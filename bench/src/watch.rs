//! What a process costs while something runs in it, as the kernel counts it.

use crate::Result;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often memory is looked at: short beside any run.
const INTERVAL: Duration = Duration::from_millis(20);

/// Linux counts time for /proc in hundredths of a second on all machines.
const TICKS: f64 = 100.0;

/// What processes used, together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU seconds in user and system mode, of all threads.
    pub cpu: f64,
    /// The most private memory (RssAnon) beyond that at the start, in bytes.
    pub peak: u64,
    /// The most that processes had together which the server started meanwhile.
    pub others: u64,
}

/// Looks at processes until it is finished.
pub struct Watch {
    processes: Vec<i32>,
    server: Option<Children>,
    cpu: f64,
    memory: u64,
    stop: Arc<AtomicBool>,
    sampler: JoinHandle<Result<Memory>>,
}

/// The most that was seen so far.
#[derive(Clone, Copy, Default)]
struct Memory {
    own: u64,
    others: u64,
}

impl Watch {
    /// Starts to look at these.
    pub fn start(processes: &[i32]) -> Result<Watch> {
        Watch::of(processes, None)
    }

    /// Starts to look at a backend, and at the processes that its server starts
    /// from now on.
    pub fn with_others(backend: i32) -> Result<Watch> {
        Watch::of(&[backend], Some(Children::of_server(backend)?))
    }

    fn of(processes: &[i32], server: Option<Children>) -> Result<Watch> {
        let processes = processes.to_vec();
        let stop = Arc::new(AtomicBool::new(false));
        let memory = memory(&processes)?;
        let sampler = thread::spawn({
            let (processes, server, stop) = (processes.clone(), server.clone(), stop.clone());
            move || {
                let mut most = Memory::default();
                loop {
                    let last = stop.load(Ordering::Relaxed);
                    most.own = self::memory(&processes)?.max(most.own);
                    if let Some(server) = &server {
                        most.others = server.memory()?.max(most.others);
                    }
                    if last {
                        return Ok(most);
                    }
                    thread::sleep(INTERVAL);
                }
            }
        });
        let cpu = total_cpu(&processes, server.as_ref())?;
        Ok(Watch { cpu, processes, server, memory, stop, sampler })
    }

    /// What they used. They have to be alive still, and what the server started
    /// has to have ended.
    pub fn finish(self) -> Result<Usage> {
        let cpu = total_cpu(&self.processes, self.server.as_ref())? - self.cpu;
        self.stop.store(true, Ordering::Relaxed);
        let most = self.sampler.join().map_err(|_| "the sampler of memory panicked")??;
        Ok(Usage { cpu, peak: most.own.saturating_sub(self.memory), others: most.others })
    }
}

/// The processes of a server, those left out that it had at the start.
#[derive(Clone)]
struct Children {
    parent: i32,
    known: Vec<i32>,
}

impl Children {
    /// Of the server that has this backend.
    fn of_server(backend: i32) -> Result<Children> {
        let parent =
            stat(backend)?.get(1).and_then(|field| field.parse().ok()).ok_or("no parent in /proc")?;
        Ok(Children { parent, known: children(parent)? })
    }

    /// Private memory of those that are alive.
    fn memory(&self) -> Result<u64> {
        let new = children(self.parent)?.into_iter().filter(|process| !self.known.contains(process));
        // One may end between the two looks.
        Ok(new.filter_map(|process| memory(&[process]).ok()).sum())
    }

    /// CPU seconds of all that have ended.
    fn cpu(&self) -> Result<f64> {
        // cutime and cstime.
        seconds(self.parent, 13)
    }
}

fn children(parent: i32) -> Result<Vec<i32>> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.split_whitespace().filter_map(|process| process.parse().ok()).collect())
}

fn total_cpu(processes: &[i32], server: Option<&Children>) -> Result<f64> {
    Ok(cpu(processes)? + server.map_or(Ok(0.0), Children::cpu)?)
}

/// Private memory, in bytes.
fn memory(processes: &[i32]) -> Result<u64> {
    let mut sum = 0;
    for process in processes {
        let status = fs::read_to_string(format!("/proc/{process}/status"))
            .map_err(|error| format!("process {process} is gone: {error}"))?;
        let figure = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = figure.and_then(|figure| figure.split_whitespace().next()?.parse::<u64>().ok());
        sum += kilobytes.ok_or("no RssAnon in /proc/PID/status")? * 1024;
    }
    Ok(sum)
}

/// CPU seconds so far.
fn cpu(processes: &[i32]) -> Result<f64> {
    // utime and stime.
    processes.iter().map(|&process| seconds(process, 11)).sum()
}

/// The sum of two fields of [`stat`] that count time.
fn seconds(process: i32, at: usize) -> Result<f64> {
    let fields = stat(process)?;
    let ticks = fields.iter().skip(at).take(2).filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS)
}

/// The fields of /proc/PID/stat from the third on: the second is a name in
/// brackets and may hold anything.
fn stat(process: i32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))
        .map_err(|error| format!("process {process} is gone: {error}"))?;
    let fields = text.rsplit(')').next().unwrap_or_default();
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}
