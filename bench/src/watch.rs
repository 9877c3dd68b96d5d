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
}

/// Looks at processes until it is finished.
pub struct Watch {
    processes: Vec<i32>,
    cpu: f64,
    memory: u64,
    stop: Arc<AtomicBool>,
    sampler: JoinHandle<Result<u64>>,
}

impl Watch {
    /// Starts to look at these.
    pub fn start(processes: &[i32]) -> Result<Watch> {
        let processes = processes.to_vec();
        let stop = Arc::new(AtomicBool::new(false));
        let memory = memory(&processes)?;
        let sampler = thread::spawn({
            let (processes, stop) = (processes.clone(), stop.clone());
            move || {
                let mut most = 0;
                while !stop.load(Ordering::Relaxed) {
                    most = self::memory(&processes)?.max(most);
                    thread::sleep(INTERVAL);
                }
                Ok(self::memory(&processes)?.max(most))
            }
        });
        Ok(Watch { cpu: cpu(&processes)?, processes, memory, stop, sampler })
    }

    /// What they used. They have to be alive still.
    pub fn finish(self) -> Result<Usage> {
        let cpu = cpu(&self.processes)? - self.cpu;
        self.stop.store(true, Ordering::Relaxed);
        let most = self.sampler.join().map_err(|_| "the sampler of memory panicked")??;
        Ok(Usage { cpu, peak: most.saturating_sub(self.memory) })
    }
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
    let mut sum = 0.0;
    for process in processes {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))
            .map_err(|error| format!("process {process} is gone: {error}"))?;
        // The second field is a name in brackets and may hold anything; utime
        // and stime are the fields 14 and 15.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        sum += fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS;
    }
    Ok(sum)
}
