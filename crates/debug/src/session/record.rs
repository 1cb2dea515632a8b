//! Owns what has to be known of a program that runs to be its session, also by somebody who comes later. Pure.

use remora_model::{LocalPath, RemotePath};
use serde::{Deserialize, Serialize};

use crate::configuration::Terms;
use crate::relay::Compiler;
use crate::request::{Mapping, Request};

/// How a program was started, as far as it matters afterwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    /// A folder here, and the one there. Its debugger knows the first by the name that it had then.
    mappings: Vec<(String, RemotePath)>,
    just_my_code: bool,
    pub(super) sub_process: bool,
    pub(super) ptvsd: bool,
    pub(super) can_reload: bool,
    pub(super) compiler: Compiler,
    /// What the program itself asks its clients for.
    pub(super) secret: Option<String>,
}

impl Record {
    pub(super) fn of(request: &Request, ptvsd: bool, compiler: Compiler, can_reload: bool) -> Self {
        let mapped = |mapping: &Mapping| (mapping.local_root.to_string(), mapping.remote_root.clone());
        Self {
            name: request.name.clone(),
            mappings: request.mappings.iter().map(mapped).collect(),
            just_my_code: request.just_my_code,
            sub_process: request.sub_process,
            ptvsd,
            can_reload,
            compiler,
            secret: None,
        }
    }

    /// Which folder here is which there; one whose path is none on this machine is left out.
    pub(super) fn mappings(&self) -> Vec<Mapping> {
        let mapping = |(local, remote): &(String, RemotePath)| {
            Some(Mapping { local_root: LocalPath::new(local).ok()?, remote_root: remote.clone() })
        };
        self.mappings.iter().filter_map(mapping).collect()
    }

    /// What its clients are told.
    pub(super) fn terms(&self) -> Terms {
        let Self { name, just_my_code, sub_process, .. } = self.clone();
        Terms { name, mappings: self.mappings(), just_my_code, sub_process }
    }
}
