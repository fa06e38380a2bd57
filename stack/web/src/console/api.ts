// Asks the console's own API, and the device through the gateway, which only reads. The types are written after stack/api/src/routes/.
import { Client } from "../api/client";
import { Wire } from "../api/wire";

export type Role = "viewer" | "operator" | "owner";

export interface Who {
  name: string;
  role: Role;
  csrf: string;
}

export interface User {
  name: string;
  role: Role;
  created_at: number;
}

/** `_id` is its number. */
export interface Entry {
  _id: number;
  at: number;
  actor: string;
  action: string;
  subject: string;
}

export interface Ready {
  database: boolean;
  redis: boolean;
}

/** The device, as the gateway offers it. */
export const device = new Client(undefined, "/system/api/v1");
/** The device's own pages, which can change it: another origin. */
export const devicePages = () => `https://${location.hostname}:8443/`;

const wire = new Wire("/api", "X-Console-Csrf");

async function begin(proof: object): Promise<Who> {
  const who = await wire.ask<Who>("POST", "/session", proof);
  wire.csrf = who.csrf;
  return who;
}

export const api = {
  session: async () => {
    const who = await wire.ask<Who>("GET", "/session");
    wire.csrf = who.csrf;
    return who;
  },
  /** The device signs that its owner asks; the password goes to the device alone. */
  signInAsOwner: async (name: string, password: string) => {
    await device.signIn(name, password);
    return begin({ token: (await device.appToken()).token });
  },
  signIn: (name: string, password: string) => begin({ name, password }),
  /** The owner leaves the device, too. */
  signOut: async (role: Role) => {
    await wire.ask<undefined>("DELETE", "/session");
    // A page that was loaded anew does not know the device's CSRF value yet.
    if (role === "owner") await device.session().then(device.signOut).catch(() => undefined);
    wire.csrf = undefined;
  },
  /** Says what is away instead of failing. */
  ready: async (): Promise<Ready> => {
    const answer = await fetch("/api/ready", { cache: "no-store" });
    return (await answer.json()) as Ready;
  },
  users: () => wire.ask<User[]>("GET", "/users"),
  addUser: (name: string, password: string, role: Role) => wire.ask<User>("POST", "/users", { name, password, role }),
  removeUser: (name: string) => wire.ask<undefined>("DELETE", `/users/${encodeURIComponent(name)}`),
  audit: (before?: number) => wire.ask<Entry[]>("GET", before === undefined ? "/audit" : `/audit?before=${before}`),
};
