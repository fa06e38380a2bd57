// Guesses the system of a browser, only to open the right steps first.

export function system(agent: string): string {
  if (agent.includes("Android")) return "android";
  if (/iPhone|iPad/.test(agent)) return "ios";
  if (agent.includes("Windows")) return "windows";
  if (agent.includes("Mac OS X")) return "macos";
  return agent.includes("Firefox") ? "firefox" : "linux";
}
