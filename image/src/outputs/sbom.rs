//! The bill of materials in SPDX 2.3 (spdx.github.io/spdx-spec/v2.3): one package a Debian package of the device.
//! Licences are not asserted: Debian's copyright files are not machine-readable throughout.

use serde_json::{Value, json};

use crate::lock::Section;
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
    for package in facts.lock.section(Section::System) {
        let purl = format!(
            "pkg:deb/debian/{}@{}?arch={}&upstream={}",
            package.name, package.version, package.architecture, package.source
        );
        let reference = id(&format!("{}-{}", package.name, package.architecture));
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
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{}-{}", image.name, image.version),
        "documentNamespace": format!("urn:tayberry:{}:{}", image.name, facts.hash_tree.root),
        "creationInfo": { "created": created, "creators": ["Tool: tayberry"] },
        "packages": packages, "relationships": relations,
    })
}
