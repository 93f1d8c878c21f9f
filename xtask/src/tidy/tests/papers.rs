//! Rules on manifests, papers and places.

use super::fires;

const NONE: [&str; 0] = [];
const ROOT: &str =
    "[workspace]\nmembers = [\"crates/*\"]\n[workspace.package]\nrust-version = \"1.88\"\n";

/// Where the rule on Rust's version fires, with one file beside the root manifest.
fn msrv(path: &str, text: &str) -> Vec<String> {
    fires("msrv", [("Cargo.toml", ROOT), (path, text)])
}

#[test]
fn the_root_manifest_states_the_version() {
    assert_eq!(fires("msrv", [("Cargo.toml", "[workspace]\n")]), ["Cargo.toml:1"]);
    assert_eq!(fires("msrv", [("Cargo.toml", ROOT)]), NONE);
}

#[test]
fn no_other_file_that_a_tool_reads_states_the_version() {
    let inherited = "[package]\nrust-version.workspace = true\n";
    assert_eq!(msrv("crates/a/Cargo.toml", inherited), NONE);
    let own = "[package]\nrust-version = \"1.88\"\n";
    assert_eq!(msrv("crates/a/Cargo.toml", own), ["crates/a/Cargo.toml:2"]);
    assert_eq!(msrv("clippy.toml", "msrv = \"1.88\"\n"), ["clippy.toml:1"]);
    assert_eq!(msrv("rust-toolchain.toml", "[toolchain]\n").len(), 1);
}

#[test]
fn a_paper_may_only_repeat_the_version() {
    assert_eq!(msrv("README.md", "Needs Rust 1.88.\n\nMSRV: 1.88\n"), NONE);
    assert_eq!(msrv("README.md", "\nNeeds Rust 1.85.\n"), ["README.md:2"]);
    assert_eq!(msrv("README.md", "The MSRV is 1.90\n"), ["README.md:1"]);
    assert_eq!(msrv("README.md", "mio 1.20, rustc 1.95.0\n"), NONE);
    assert_eq!(msrv("CHANGELOG.md", "MSRV raised from 1.85\n"), NONE);
}

#[test]
fn folders_of_one_machine_are_found() {
    for folder in [
        concat!("/", "work/main"),
        concat!("/", "work"),
        concat!("/", "tmp/a"),
        concat!("/", "root/a"),
        concat!("/", "home/me"),
    ] {
        for text in [folder.to_owned(), format!("cd {folder}"), format!("\"{folder}\"")] {
            assert_eq!(fires("places", [("a.sh", &text)]), ["a.sh:1"], "{text}");
        }
    }
}

#[test]
fn parts_of_other_paths_are_no_folders() {
    for text in ["/workspace", "a/work", "../tmp/a", "${x}/tmp/a", "/rootless", "https://a.io/work"]
    {
        assert_eq!(fires("places", [("a.sh", text)]), NONE, "{text}");
    }
}

#[test]
fn registries_are_found() {
    let redirected = format!("a = 1\n{}.crates-io]\n", concat!("[sou", "rce"));
    assert_eq!(fires("places", [(".cargo/config.toml", redirected)]).len(), 1);
    assert_eq!(fires("places", [("Cargo.toml", "registry = \"own\"\n")]).len(), 1);
    let lock = |source: &str| format!("source = \"{source}\"\n");
    let public = "registry+https://github.com/rust-lang/crates.io-index";
    assert_eq!(fires("places", [("Cargo.lock", lock(public))]), NONE);
    assert_eq!(fires("places", [("Cargo.lock", lock("registry+https://a.io/b"))]).len(), 1);
}

#[test]
fn readme_has_both_commands() {
    let both = "```\ncargo run --release -p offloop-cli -- tour\ncargo xtask ci\n```\n";
    assert_eq!(fires("papers", [("README.md", both)]), NONE);
    assert_eq!(fires("papers", [("README.md", "cargo xtask ci\n")]), ["README.md:1"]);
    assert_eq!(fires("papers", [("README.md", "cargo tour offloop-cli\n")]).len(), 2);
    assert_eq!(fires("papers", [("a.rs", "//! a\n")]), ["README.md:1"]);
}

#[test]
fn every_crate_has_a_readme() {
    let readme = "cargo run -p offloop-cli -- tour\ncargo xtask ci\n";
    let crate_files = |more: Option<(&'static str, &'static str)>| {
        let files = [("README.md", readme), ("a/Cargo.toml", ""), ("a/src/lib.rs", "//! a\n")];
        files.into_iter().chain(more)
    };
    assert_eq!(fires("papers", crate_files(None)), ["a/Cargo.toml:1"]);
    assert_eq!(fires("papers", crate_files(Some(("a/README.md", "# a\n")))), NONE);
    let folder_of_programs = [("README.md", readme), ("a/Cargo.toml", ""), ("a/one.rs", "//! a\n")];
    assert_eq!(fires("papers", folder_of_programs), NONE);
}

const MEMBER: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
                      rust-version.workspace = true\nlicense.workspace = true\n\n\
                      [lints]\nworkspace = true\n";

fn manifests(path: &str, text: &str) -> Vec<String> {
    fires("manifests", [("Cargo.toml", ROOT), (path, text)])
}

#[test]
fn members_inherit_lints_and_versions() {
    assert_eq!(manifests("crates/a/Cargo.toml", MEMBER), NONE);
    let no_lints = MEMBER.replace("[lints]", "[other]");
    assert_eq!(manifests("crates/a/Cargo.toml", &no_lints), ["crates/a/Cargo.toml:1"]);
    let own_edition = MEMBER.replace("edition.workspace = true", "edition = \"2021\"");
    assert_eq!(manifests("crates/a/Cargo.toml", &own_edition), ["crates/a/Cargo.toml:4"]);
    assert_eq!(manifests("crates/a/Cargo.toml", "not toml"), ["crates/a/Cargo.toml:1"]);
}

#[test]
fn other_workspaces_decide_for_themselves() {
    assert_eq!(manifests("bench/Cargo.toml", "[package]\nname = \"bench\"\n"), NONE);
    assert_eq!(manifests("crates/a/fuzz/Cargo.toml", "[package]\nname = \"fuzz\"\n"), NONE);
    let excluding = ROOT.replace("[workspace]\n", "[workspace]\nexclude = [\"crates/apart\"]\n");
    assert_ne!(excluding, ROOT);
    let apart = ("crates/apart/Cargo.toml", "[package]\nname = \"apart\"\n");
    assert_eq!(fires("manifests", [("Cargo.toml", excluding.as_str()), apart]), NONE);
    assert_eq!(manifests(apart.0, apart.1).len(), 5);
}

#[test]
fn an_adapters_readme_names_the_version_in_the_manifest() {
    let at = |manifest: &str, readme: &str| {
        let root = "[workspace]\ndependencies = { tokio = { version = \"1.43\" } }\n";
        let files = [
            ("Cargo.toml", root),
            ("adapters/a/Cargo.toml", manifest),
            ("adapters/a/README.md", readme),
        ];
        fires("versions", files)
    };
    let own = "[dependencies]\noffloop.workspace = true\nglib = \"0.22\"\n";
    let inherited = "[dependencies]\ntokio = { workspace = true, features = [] }\n";
    assert_eq!(at(own, "For glib 0.22."), NONE);
    assert_eq!(at(inherited, "For tokio 1.43."), NONE);
    for (manifest, readme) in [(own, "For glib 0.21."), (own, "For glib."), (inherited, "")] {
        assert_eq!(at(manifest, readme), ["adapters/a/README.md:1"], "{readme}");
    }
}
