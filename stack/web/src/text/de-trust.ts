// German words of the trust page.
import type { Words } from "./en";

export const trust: Words["trust"] = {
  title: "Diesem Gerät vertrauen",
  text: "Das Gerät hat eine eigene Zertifizierungsstelle erstellt, damit alles, was Sie ihm senden, verschlüsselt ist. Ihr Browser kennt sie noch nicht und warnt Sie. Zeigen Sie sie ihm einmal, dann sind die Warnungen fort.",
  step1: "1. Zertifikat herunterladen", step2: "2. Installieren", step3: "3. Testen",
  fingerprint: "Fingerabdruck (SHA-256)",
  fingerprintHint: "Ihr System zeigt ihn vielleicht bei der Installation: Er muss derselbe sein.",
  crt: "Zertifikat (.crt)", pem: "Zertifikat (.pem)", profile: "Profil für Apple-Geräte (.mobileconfig)",
  systems: "Ihr System",
  test: "Testen", testing: "Wird getestet …",
  testText: "Dabei wird das Gerät unter einer anderen seiner Adressen gefragt, bei der keine Ausnahme hilft.",
  trusted: "Vertraut: Dieser Browser akzeptiert das Zertifikat des Geräts.",
  notYet: "Noch nicht vertraut",
  notYetText: "Führen Sie die Schritte für Ihr System zu Ende, schließen Sie alle Fenster des Browsers, und öffnen Sie diese Seite erneut. Manche Browser haben eigene Zertifikate: Sehen Sie auch unter Firefox oder Linux nach.",
  noOther: "Das Gerät antwortet zurzeit nur unter einem Namen, daher gibt es nichts zum Vergleichen. Öffnen Sie diese Seite unter ihrem .local-Namen, und testen Sie dort.",
  asked: (origin) => `Gefragt: ${origin}`,
  tabs: {
    windows: {
      name: "Windows",
      steps: [
        "Laden Sie das Zertifikat (.crt) herunter und öffnen Sie es.",
        "Wählen Sie „Zertifikat installieren…“, dann „Aktueller Benutzer“, dann „Weiter“.",
        "Wählen Sie „Alle Zertifikate in folgendem Speicher speichern“, dann „Durchsuchen“, „Vertrauenswürdige Stammzertifizierungsstellen“, „OK“.",
        "Wählen Sie „Weiter“ und „Fertig stellen“, und beantworten Sie die Frage mit „Ja“.",
        "Schließen Sie alle Fenster von Edge oder Chrome, und öffnen Sie diese Seite erneut.",
      ],
    },
    macos: {
      name: "macOS",
      steps: [
        "Laden Sie das Zertifikat (.crt) herunter und öffnen Sie es: Die Schlüsselbundverwaltung fragt nach einem Schlüsselbund. Wählen Sie „Anmeldung“, dann „Hinzufügen“.",
        "Wählen Sie in der Schlüsselbundverwaltung „Anmeldung“ und „Zertifikate“, und öffnen Sie das Tayberry-Zertifikat mit einem Doppelklick.",
        "Öffnen Sie „Vertrauen“, und stellen Sie „Bei Verwendung dieses Zertifikats“ auf „Immer vertrauen“.",
        "Schließen Sie das Fenster, und bestätigen Sie mit Ihrem Passwort.",
        "Beenden Sie Safari oder Chrome, und öffnen Sie diese Seite erneut.",
      ],
    },
    ios: {
      name: "iOS",
      steps: [
        "Öffnen Sie diese Seite in Safari, und tippen Sie auf das Profil (.mobileconfig). Wählen Sie „Zulassen“.",
        "Öffnen Sie die Einstellungen, und tippen Sie oben auf „Profil geladen“, oder auf „Allgemein“, „VPN und Geräteverwaltung“. Tippen Sie auf „Installieren“, und geben Sie Ihren Code ein.",
        "Weiter in den Einstellungen: „Allgemein“, „Info“, ganz unten „Zertifikatsvertrauenseinstellungen“.",
        "Schalten Sie das Tayberry-Zertifikat ein, und tippen Sie auf „Fortfahren“.",
      ],
    },
    android: {
      name: "Android",
      steps: [
        "Laden Sie das Zertifikat (.crt) herunter.",
        "Öffnen Sie die Einstellungen, und suchen Sie nach „CA-Zertifikat“. (Oft: Sicherheit und Datenschutz, Weitere Sicherheitseinstellungen, Verschlüsselung und Anmeldedaten, Zertifikat installieren.)",
        "Wählen Sie „CA-Zertifikat“, dann „Trotzdem installieren“, und bestätigen Sie mit Ihrer PIN.",
        "Wählen Sie die heruntergeladene Datei.",
        "Chrome vertraut ihm sofort. In Firefox: Einstellungen, „Über Firefox“, fünfmal auf das Logo tippen; dann Einstellungen, „Secret Settings“, CA-Zertifikate von Drittanbietern verwenden.",
      ],
    },
    linux: {
      name: "Linux",
      steps: [
        "Laden Sie das Zertifikat (.pem) herunter.",
        "Debian, Ubuntu: „sudo cp tayberry.pem /usr/local/share/ca-certificates/tayberry.crt“, dann „sudo update-ca-certificates“.",
        "Fedora, Red Hat: „sudo cp tayberry.pem /etc/pki/ca-trust/source/anchors/“, dann „sudo update-ca-trust“. Arch: „sudo trust anchor --store tayberry.pem“.",
        "Chrome und Chromium haben eine eigene Liste: Öffnen Sie chrome://certificate-manager, „Von Ihnen installiert“, „Vertrauenswürdige Zertifikate“, „Importieren“. In älteren Versionen: chrome://settings/certificates, „Zertifizierungsstellen“.",
        "Schließen Sie den Browser, und öffnen Sie diese Seite erneut.",
      ],
    },
    firefox: {
      name: "Firefox",
      steps: [
        "Unter Windows und macOS übernimmt Firefox, wem das System vertraut: Führen Sie zuerst die Schritte Ihres Systems aus, und testen Sie.",
        "Unter Linux, oder wenn das nicht half: Laden Sie das Zertifikat (.pem) herunter.",
        "Öffnen Sie Einstellungen, „Datenschutz & Sicherheit“, Zertifikate, „Zertifikate anzeigen…“, „Zertifizierungsstellen“, „Importieren…“.",
        "Wählen Sie die Datei, und kreuzen Sie „Dieser CA vertrauen, um Websites zu identifizieren“ an.",
      ],
    },
  },
};
