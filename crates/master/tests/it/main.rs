//! Tests of the master: its store as files, its faces as a router in process, its serving.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod classic;
mod damage;
mod http;
mod json_rpc;
mod networkcache;
mod page;
mod past;
mod replay;
mod serving;
mod shared;
mod store;
