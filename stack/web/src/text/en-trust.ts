// English words of the trust page: how each system learns to trust the device's own certificate authority.

export const trust = {
  title: "Trust this device",
  text: "The device made its own certificate authority, so that everything you send to it is encrypted. Your browser does not know it yet and warns you. Teach it once, and the warnings are gone.",
  step1: "1. Download the certificate", step2: "2. Install it", step3: "3. Test it",
  fingerprint: "Fingerprint (SHA-256)",
  fingerprintHint: "Your system may show it when you install the certificate: it must be the same.",
  crt: "Certificate (.crt)", pem: "Certificate (.pem)", profile: "Profile for Apple devices (.mobileconfig)",
  systems: "Your system",
  test: "Test", testing: "Testing …",
  testText: "This asks the device under another of its addresses, where no exception helps.",
  trusted: "Trusted: this browser accepts the device's certificate.",
  notYet: "Not trusted yet",
  notYetText: "Finish the steps for your system, close all windows of the browser and open this page again. Some browsers keep certificates of their own: look under Firefox or Linux, too.",
  noOther: "The device answers under one name only at the moment, so there is nothing to test against. Open this page under its .local name and test there.",
  asked: (origin: string) => `Asked: ${origin}`,
  tabs: {
    windows: {
      name: "Windows",
      steps: [
        "Download the certificate (.crt) and open it.",
        "Choose “Install Certificate…”, then “Current User”, then Next.",
        "Choose “Place all certificates in the following store”, then Browse, “Trusted Root Certification Authorities”, OK.",
        "Choose Next and Finish, and confirm the question with Yes.",
        "Close all windows of Edge or Chrome and open this page again.",
      ],
    },
    macos: {
      name: "macOS",
      steps: [
        "Download the certificate (.crt) and open it: Keychain Access asks for a keychain. Choose “login”, then Add.",
        "In Keychain Access, choose “login” and “Certificates” and open the Tayberry certificate with a double click.",
        "Open “Trust” and set “When using this certificate” to “Always Trust”.",
        "Close the window and confirm with your password.",
        "Quit Safari or Chrome and open this page again.",
      ],
    },
    ios: {
      name: "iOS",
      steps: [
        "Open this page in Safari and tap the profile (.mobileconfig). Choose Allow.",
        "Open Settings and tap “Profile Downloaded” at the top, or General, “VPN & Device Management”. Tap Install and enter your passcode.",
        "Still in Settings: General, About, “Certificate Trust Settings” at the very bottom.",
        "Turn on the Tayberry certificate and tap Continue.",
      ],
    },
    android: {
      name: "Android",
      steps: [
        "Download the certificate (.crt).",
        "Open Settings and search for “CA certificate”. (Often: Security & privacy, More security & privacy, Encryption & credentials, Install a certificate.)",
        "Choose “CA certificate”, then “Install anyway”, and confirm with your PIN.",
        "Choose the downloaded file.",
        "Chrome trusts it at once. In Firefox: Settings, About Firefox, tap the logo five times; then Settings, Secret Settings, “Use third party CA certificates”.",
      ],
    },
    linux: {
      name: "Linux",
      steps: [
        "Download the certificate (.pem).",
        "Debian, Ubuntu: “sudo cp tayberry.pem /usr/local/share/ca-certificates/tayberry.crt”, then “sudo update-ca-certificates”.",
        "Fedora, Red Hat: “sudo cp tayberry.pem /etc/pki/ca-trust/source/anchors/”, then “sudo update-ca-trust”. Arch: “sudo trust anchor --store tayberry.pem”.",
        "Chrome and Chromium keep their own list: open chrome://certificate-manager, “Installed by you”, “Trusted Certificates”, Import. In older versions: chrome://settings/certificates, “Authorities”.",
        "Close the browser and open this page again.",
      ],
    },
    firefox: {
      name: "Firefox",
      steps: [
        "On Windows and macOS, Firefox takes over what the system trusts: do the steps of your system first and test.",
        "On Linux, or if that did not help: download the certificate (.pem).",
        "Open Settings, “Privacy & Security”, Certificates, “View Certificates…”, “Authorities”, “Import…”.",
        "Choose the file and tick “Trust this CA to identify websites”.",
      ],
    },
  },
};
