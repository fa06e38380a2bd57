// The words of the console in German.
import type { consoleWords as en } from "./en-console";

export const consoleWords: typeof en = {
  pages: { overview: "Überblick", services: "Dienste", users: "Personen", audit: "Protokoll" },
  signIn: "Anmelden", signInAs: "Wer sind Sie?",
  asOwner: "Besitzer des Geräts", asOwnerText: "Mit Name und Passwort aus der Einrichtung.",
  asUser: "Nutzer der Konsole", asUserText: "Mit Name und Passwort, die Sie vom Besitzer haben.",
  away: "Die Anwendung startet", awayText: "Sie antwortet noch nicht. Diese Seite geht von selbst weiter.",
  devicePages: "Zu den Seiten des Geräts", changeServices: "Neu starten oder ändern auf den Seiten des Geräts",
  good: "Alles in Ordnung", goodText: "Die Anwendung und ihre Datenbanken antworten.",
  attention: "Bitte nachsehen", attentionText: "Etwas antwortet nicht. Es wird wieder versucht; Gespeichertes ist sicher.",
  databases: "Datenbanken", database: "Dokumente", redis: "Sitzungen", answers: "antwortet", silent: "antwortet nicht",
  device: "Gerät", uptime: (span) => `Läuft seit ${span}`, free: (bytes) => `${bytes} frei`,
  you: "Sie",
  roles: { viewer: "Betrachter", operator: "Bediener", owner: "Besitzer" },
  usersText: "Sie benutzen diese Konsole. Niemand von ihnen kann das Gerät verändern.",
  noUsers: "Noch niemand außer Ihnen.",
  addUser: "Person hinzufügen", role: "Was darf diese Person?",
  viewerText: "Alles hier ansehen.", operatorText: "Auch Übersichten speichern.",
  passwordHint: "10 Zeichen oder mehr.",
  needName: "Bitte einen Namen eingeben.", needPassword: "Bitte 10 Zeichen oder mehr eingeben.",
  userAdded: (name) => `${name} wurde hinzugefügt.`, userRemoved: (name) => `${name} wurde entfernt.`,
  remove: "Entfernen", removeWhat: (name) => `${name} entfernen`, removeYes: (name) => `Ja, ${name} entfernen`,
  auditText: "Wer was getan hat, das Neueste zuerst. Nichts wird je geändert oder entfernt.",
  live: "Neue Einträge erscheinen von selbst.", notLive: "Die Verbindung ist weg; sie wird wieder versucht.",
  older: "Ältere Einträge zeigen",
  actions: {
    "signed-in": () => "hat sich angemeldet",
    "user-added": (name) => `hat ${name} hinzugefügt`,
    "user-removed": (name) => `hat ${name} entfernt`,
  },
};
