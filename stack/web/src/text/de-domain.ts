// The words about the owner's domain in German.
import type { domainWords as en } from "./en-domain";

export const domainWords: typeof en = {
  title: "Eigene Domain",
  text: "Mit einer eigenen Domain vertraut jeder Browser diesem Gerät: Sein Zertifikat kommt von einer Stelle, die alle kennen.",
  holds: (date) => `Es gibt ein Zertifikat bis ${date}. Es wird von selbst erneuert.`,
  busy: "Ein Zertifikat wird angefordert. Das dauert bis zu einigen Minuten.",
  failed: "Es gibt kein neues Zertifikat",
  again: (time) => `Nächster Versuch: ${time}.`,
  tryNow: "Jetzt versuchen",
  remove: "Domain entfernen", removeSure: "Das Gerät vergisst die Domain und ihr Zertifikat. Links dorthin zeigen dann eine Warnung.",
  removeYes: "Ja, entfernen",
  name: "Domain", nameHint: "Zum Beispiel laden.example.org. Ihr Eintrag im DNS muss zu diesem Gerät führen.",
  needName: "Bitte eine Domain eingeben.",
  proof: "Wie Sie beweisen, dass sie Ihnen gehört",
  proofs: { http: "Über Port 80 (HTTP-01)", dns: "Im DNS (DNS-01)" },
  proofTexts: {
    http: "Die Stelle öffnet Port 80 der Domain: Ihr Router muss ihn an dieses Gerät weiterleiten.",
    dns: "Das Gerät schreibt in die Zone der Domain. Zum Internet muss nichts offen sein.",
  },
  server: "Nameserver", serverHint: "Der, der Änderungen annimmt (RFC 2136): HOST oder HOST:PORT.",
  zone: "Zone der Domain", zoneHint: "Der Teil der Domain, für den dieser Server zuständig ist, zum Beispiel example.org.",
  key: "Name des Schlüssels", algorithm: "Verfahren",
  secret: "Schlüssel (TSIG)", secretHint: "In Base64.", secretKept: "Leer lassen, um den Schlüssel zu behalten, den das Gerät hat.",
  wait: "Wartezeit in Sekunden", waitHint: "Bis alle Nameserver der Zone von einer Änderung wissen.",
  authority: "Die Zertifizierungsstelle",
  email: "E-Mail für die Stelle", emailHint: "Darf leer sein. Dorthin schreibt sie, wenn etwas mit dem Zertifikat nicht stimmt.",
  directory: "Adresse ihres Verzeichnisses", directoryHint: "Leer für Let's Encrypt.",
  terms: "Ich stimme den Nutzungsbedingungen der Stelle zu", needTerms: "Ohne das gibt es kein Zertifikat.",
  save: "Speichern und Zertifikat holen",
};
