//! MetalLB's configuration: read, checked and understood without a cluster.
//!
//! Two worlds: up to 0.12 a ConfigMap that holds YAML as text, from 0.13 on custom resources of the group `metallb.io`.
//! What MetalLB accepts is decided in three places of its own (a parser, the schemas of the resources, a webhook), each
//! of which sees only a part; here one reader sees the whole set. *Nothing here reads a file, asks a cluster or the time.*
//!
//! In reading order:
//!
//! - [`range`], [`entry`], [`space`]: addresses as numbers, one line of `addresses`, and the room a pool has.
//! - [`version`]: what each release of MetalLB does differently.

pub mod check;
pub mod convert;
pub mod entry;
pub mod finding;
pub mod impact;
pub mod live;
pub mod map;
pub mod object;
pub mod propose;
pub mod range;
pub mod read;
pub mod schema;
pub mod space;
pub mod version;
pub mod yaml;
