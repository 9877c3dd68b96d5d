//! The clock of the system since it was booted. Nobody sets it, and it goes on while the machine
//! sleeps, so that what is measured with it has really taken that long.

use std::fs;
use std::sync::OnceLock;

/// Nanoseconds since the system was booted.
pub fn since_boot() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to a live timespec; the clock is there since Linux 2.6.39.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    #[allow(clippy::unnecessary_cast)]
    (time.tv_sec as i64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as i64)
}

/// Which boot that was; empty where the system does not tell.
pub fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        id.trim_ascii().to_string()
    })
}
