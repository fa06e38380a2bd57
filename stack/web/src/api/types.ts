// The types of the API as JSON, written after agent/core/src/request/. Calling it is left to client.ts.

export type Language = "en" | "de";
/** `stable`, `beta`, or one of the publisher's own. */
export type Channel = string;
export type Scope = "status" | "settings" | "network" | "updates" | "stack";
export type Role = "setup" | "owner";

export interface Overview {
  phase: "unclaimed" | "owned" | "rescue" | "rescue-without-owner";
  name: string;
  version: string;
  language?: Language;
  time_known: boolean;
  now: number;
  authority_fingerprint: string;
  addresses: string[];
  setup_network: boolean;
}

export interface WhoAmI {
  role: Role;
  name?: string;
  csrf?: string;
}

export type Weakness = "too-short" | "too-long" | "well-known" | "easy-to-guess";

export interface Strength {
  score: number;
  good_enough: boolean;
  weakness?: Weakness;
}

export interface RecoveryCodes {
  codes: string[];
  ask_code: number;
  ask_characters: number[];
}

export interface Answers {
  language: Language;
  owner: string;
  password: string;
  recovery_characters: string;
  name: string;
  timezone: string;
  channel: Channel;
}

/** The new session comes as a cookie that no script can read. */
export interface Finished {
  address: string;
  qr_svg: string;
  authority_fingerprint: string;
}

export type Fan = "quiet" | "balanced" | "cool" | { curve: [number, number][] };

export interface Settings {
  language: Language;
  name: string;
  timezone: string;
  channel: Channel;
  repository?: string;
  automatic_updates: boolean;
  update_window: { from: number; to: number };
  fan: Fan;
}

/** Some of them; a repository of null is the image's. */
export type SettingsChange = Partial<Omit<Settings, "repository">> & { repository?: string | null };

export interface Interface {
  name: string;
  kind: "ethernet" | "wifi";
  connected: boolean;
  addresses: string[];
}

export interface WifiNetwork {
  ssid: string;
  strength: number;
  secured: boolean;
  joined: boolean;
}

export interface Trial {
  id: string;
  reverts_in_s: number;
  addresses: string[];
}

export interface Network {
  interfaces: Interface[];
  wifi: WifiNetwork[];
  wanted_wifi?: string;
  trial?: Trial;
}

export interface WifiChoice {
  ssid: string;
  password?: string;
  country?: string;
}

export interface Room {
  total: number;
  free: number;
}

export const EVENT_KINDS = [
  "started", "claimed", "signed-in", "sign-in-refused", "password-changed", "settings-changed",
  "network-changed", "network-reverted", "token-created", "token-revoked",
  "update-received", "update-restart", "update-install", "roll-back", "stack-changed", "secrets-renewed", "volume-removed", "image-removed",
  "images-loaded", "registry-trusted", "domain-changed",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface Status {
  name: string;
  version: string;
  slot: string;
  next_slot?: string;
  state: string;
  health: "good" | "attention";
  notices: string[];
  addresses: string[];
  temperature_c?: number;
  uptime_s: number;
  now: number;
  time: "build" | "browser" | "clock" | "network";
  data: Room;
  memory: Room;
  load: number;
  last_event?: { at: number; kind: EventKind; from?: string };
}

export interface Drive {
  name: string;
  kind: "nvme" | "sd" | "emmc" | "usb" | "other";
  model: string;
  bytes: number;
  system: boolean;
  read_bytes: number;
  written_bytes: number;
  written_bytes_a_day?: number;
  wear?: { used_percent: number; years_left?: number };
  warnings: string[];
}

/** What the pages show of it; docs/api.md says where the rest stands. */
export interface Metrics {
  uptime_s: number;
  processor: { cores: number; busy_s: number; load: number };
  cooling?: {
    temperatures: { sensor: string; celsius: number }[];
    duty_percent: number;
    turns_per_minute?: number;
    doubts: string[];
  };
  supply?: { under_voltage: boolean; slowed: boolean; under_voltage_since_start: boolean; slowed_since_start: boolean };
  drives: Drive[];
  networks: { interface: string; received_bytes: number; sent_bytes: number }[];
  services: { service: string; memory_bytes: number; cpu_s: number; written_bytes: number }[];
}

export interface Token {
  id: string;
  name: string;
  scopes: Scope[];
  created: number;
  expires?: number;
}

export interface Progress {
  done: number;
  total: number;
  per_second: number;
  seconds_left: number | null;
  stalled: boolean;
}

export interface Updates {
  version: string;
  slot: string;
  phase: UpdatePhase;
  target?: string;
  progress?: Progress;
  offset?: number;
  plan?: UpdatePlan;
  in_use?: string;
  last?: { at: number; version: string; stayed: boolean; sentence: string; log?: string[] };
  previous?: string;
  way_back?: UpdatePlan;
  repository?: string;
  checked?: number;
  problem?: string;
  available?: {
    version: string; download_bytes: number; full_bytes: number; notes: Record<string, string>; tried_before: boolean;
    plan?: UpdatePlan;
  };
}

export type ChangeKind = "start" | "replace" | "roll" | "stop";

/** What it takes for a version to run. */
export interface UpdatePlan {
  live: boolean;
  why: string[];
  services: { service: string; change: ChangeKind }[];
  gap_seconds?: number;
}

export type UpdatePhase =
  "idle" | "judging" | "planning" | "writing" | "checking" | "staged" | "restarting" | "trial" | "committing" | "going-back";

export interface Rescue {
  cause: "both-damaged" | "does-not-start" | "button";
  sentence: string;
  slots: { slot: string; default: boolean; problem?: string }[];
  data_problem?: string;
  name: string;
}

export interface AppToken {
  token: string;
  lasts_s: number;
}

export type ServiceHealth = "healthy" | "starting" | "restarting" | "failed" | "stopped";

export interface Service {
  name: string;
  image: string;
  health: ServiceHealth;
  sentence: string;
  memory_bytes: number | null;
  memory_limit_bytes: number;
  restarts: number;
}

export interface ServiceLog {
  lines: string[];
}

export interface Stack {
  source: "nothing" | "system" | "own";
  compose: string | null;
  env_files?: Record<string, string>;
  gateway_serves: boolean;
  can_roll_back: boolean;
  busy: boolean;
  problem: string | null;
  services: Service[];
}

export interface ComposeFile {
  compose: string;
  env_files?: Record<string, string>;
}

export interface StackPlan {
  changes: { service: string; change: ChangeKind }[];
  warnings: { line: number; sentence: string }[];
}

export interface Volume {
  service: string;
  volume: string;
  bytes: number;
  declared: boolean;
}

export interface StackData {
  free_bytes: number;
  total_bytes: number;
  volumes: Volume[];
  images: StoredImage[];
}

export interface StoredImage {
  id: string;
  names: string[];
  bytes: number;
  declared: boolean;
}

export interface DnsServer {
  server: string;
  zone: string;
  key: string;
  algorithm: "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  /** Never told. */
  secret?: string;
  wait_s: number;
}

export interface DomainWish {
  name: string;
  proof: "http" | { dns: DnsServer };
  terms_agreed: boolean;
  email?: string;
  directory?: string;
  trust?: string;
}

export interface Domain {
  wish?: DomainWish;
  certificate?: { name: string; not_before: number; not_after: number };
  busy: boolean;
  problem?: string;
  next_try?: number;
}

export interface TokenWish {
  name: string;
  scopes: Scope[];
  days?: number;
}

export interface NewToken {
  token: Token;
  secret: string;
}

export const PROBLEM_KINDS = [
  "bad-request", "not-found", "not-allowed", "sign-in-first", "forbidden", "wrong-code", "wrong-password",
  "too-many-tries", "already-owned", "not-owned-yet", "weak-password", "recovery-not-kept", "cannot-join",
  "nothing-to-confirm", "other-network", "update-busy", "update-refused", "update-failed", "wrong-offset", "stack-refused", "in-rescue",
  "not-in-rescue", "failed",
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/** RFC 9457, as far as the pages use it. */
export interface ProblemBody {
  kind?: string;
  title?: string;
  detail?: string;
  retry_after_s?: number;
}
