//! A scheduler and executors in this process, over real ports: answers, losses, refusals.

mod answers;
mod faults;
mod fixture;
mod refusals;
