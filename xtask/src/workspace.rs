//! What cargo says of this workspace: where it is, its packages, features and targets.
//!
//! Invariant: lists of crates, features and examples come from here, never from a list
//! kept by hand.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cmd::Cmd;

/// The workspace that the current directory belongs to.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) rust_version: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) targets: Vec<Target>,
}

/// One thing that cargo builds from a member.
pub(crate) struct Target {
    pub(crate) kind: String,
    pub(crate) source: PathBuf,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let text = Cmd::cargo(Path::new("."))
            .args(["metadata", "--format-version=1", "--no-deps"])
            .stdout()?;
        let metadata: Value = serde_json::from_str(&text)?;
        let packages = array(&metadata, "packages").map(package).collect::<Result<_>>()?;
        Ok(Self {
            root: text_of(&metadata, "workspace_root")?.into(),
            target: text_of(&metadata, "target_directory")?.into(),
            packages,
        })
    }

    /// Cargo, run at the root of the workspace.
    pub(crate) fn cargo(&self) -> Cmd {
        Cmd::cargo(&self.root)
    }

    /// Where this program keeps what it writes.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let dir = self.target.join("xtask").join(name);
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("could not create {}", dir.display()))?;
        Ok(dir)
    }
}

impl Package {
    /// Whether the package is one that users depend on.
    pub(crate) fn is_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind == "lib")
    }
}

fn package(value: &Value) -> Result<Package> {
    let features = value["features"].as_object().into_iter().flatten();
    Ok(Package {
        name: text_of(value, "name")?.to_owned(),
        rust_version: value["rust_version"].as_str().map(str::to_owned),
        features: features.map(|(name, _)| name.clone()).collect(),
        targets: array(value, "targets").map(target).collect::<Result<_>>()?,
    })
}

fn target(value: &Value) -> Result<Target> {
    Ok(Target {
        kind: array(value, "kind").filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        source: text_of(value, "src_path")?.into(),
    })
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[key].as_array().into_iter().flatten()
}

fn text_of<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no `{key}`"))
}
