//! What needs a cluster and a client: commits, crashes, cancels, several
//! sessions, roles, dumps. One binary, so that one cluster serves most tests.

mod atomic;
mod cancel;
mod changing;
mod claims;
mod committed;
mod concurrent;
mod conflicts;
mod crash;
mod damage;
mod docs;
mod dump;
mod encodings;
mod endurance;
mod figures;
mod files;
mod helpers;
mod history;
mod limits;
mod lineage;
mod many;
mod owner;
mod progress;
mod read;
mod real;
mod records_path;
mod replace;
mod resources;
mod resume;
mod roles;
mod search_path;
mod stored;
mod threads;
mod upgrade;
mod verdicts;
mod workers;
