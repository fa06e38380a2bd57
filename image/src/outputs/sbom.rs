//! The bill of materials in SPDX 2.3 (spdx.github.io/spdx-spec/v2.3): one package a Debian package of the device.
//! Licences are not asserted: Debian's copyright files are not machine-readable throughout.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::build::base::BASE;
use crate::lock::{Package, Section};
use crate::outputs::Facts;

/// Builds the document. Its name and time follow from the lock, so that two builds give the same.
#[must_use]
pub fn build(facts: &Facts<'_>) -> Value {
    let image = &facts.config.image;
    let created = jiff::Timestamp::from_second(facts.lock.epoch)
        .map_or_else(|_| String::new(), |time| time.to_string());
    let id = |name: &str| {
        let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("SPDXRef-{safe}")
    };
    let root = id(&image.name);
    let mut packages = vec![json!({
        "SPDXID": root, "name": image.name, "versionInfo": image.version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false, "primaryPackagePurpose": "OPERATING-SYSTEM",
        "checksums": [{ "algorithm": "SHA256", "checksumValue": facts.hash_tree.root.to_string() }],
    })];
    let mut relations = vec![
        json!({ "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": root }),
    ];
    for package in debian(facts) {
        let purl = format!(
            "pkg:deb/debian/{}@{}?arch={}&upstream={}",
            package.name, package.version, package.architecture, package.source
        );
        let reference = id(&format!("{}-{}-{}", package.name, package.version, package.architecture));
        packages.push(json!({
            "SPDXID": reference, "name": package.name, "versionInfo": package.version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
            "checksums": [{ "algorithm": "SHA256", "checksumValue": package.sha256 }],
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl,
            }],
        }));
        relations.push(json!({
            "spdxElementId": root, "relationshipType": "CONTAINS", "relatedSpdxElement": reference,
        }));
    }
    for (reference, name, version, purl) in others(facts) {
        let reference = id(&reference);
        packages.push(json!({
            "SPDXID": reference, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl,
            }],
        }));
        relations.push(json!({
            "spdxElementId": root, "relationshipType": "CONTAINS", "relatedSpdxElement": reference,
        }));
    }
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{}-{}", image.name, image.version),
        "documentNamespace": format!("urn:tayberry:{}:{}", image.name, facts.hash_tree.root),
        "creationInfo": { "created": created, "creators": ["Tool: tayberry"] },
        "packages": packages, "relationships": relations,
    })
}

/// Debian's packages in the system and in the containers, each once.
fn debian<'a>(facts: &Facts<'a>) -> Vec<&'a Package> {
    let is_inside = |package: &&Package| match &package.section {
        Section::System => facts.tree.base.is_none(),
        Section::Container(name) => facts.config.container.contains_key(name),
        Section::Tools => false,
    };
    // Several containers have the same libraries.
    let debian: BTreeMap<&str, &Package> = facts
        .lock
        .package
        .iter()
        .filter(is_inside)
        .map(|package| (package.sha256.as_str(), package))
        .collect();
    let mut debian: Vec<&Package> = debian.into_values().collect();
    debian.sort_by_key(|package| (&package.name, &package.version));
    debian
}

/// What containers hold beside Debian's packages: reference, name, version and address (github.com/package-url/purl-spec).
fn others(facts: &Facts<'_>) -> Vec<(String, String, String, String)> {
    let mut found = Vec::new();
    if let Some(hash) = &facts.tree.base {
        found.push((
            BASE.to_owned(),
            BASE.to_owned(),
            hash.clone(),
            format!("pkg:generic/{BASE}?checksum=sha256:{hash}"),
        ));
    }
    for one in facts.config.container.values() {
        if let Some(published) = &one.published {
            let (name, version) = (&published.name, &published.version);
            let purl = format!("pkg:cargo/{name}@{version}");
            found.push((format!("crate-{name}"), name.clone(), version.clone(), purl));
        }
    }
    for image in facts.lock.image.iter().filter(|image| facts.config.container.contains_key(&image.container))
    {
        let name =
            image.reference.split(':').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let digest = image.digest.replace(':', "%3A");
        let purl = format!("pkg:oci/{name}@{digest}?arch=arm64");
        found.push((
            format!("image-{}", image.container),
            image.reference.clone(),
            image.digest.clone(),
            purl,
        ));
    }
    found
}
