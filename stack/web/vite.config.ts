// How the pages are built: those of the device, which tayberry-front serves, and with `--mode console` those of the console, which are
// an application of the stack. What is served, and with which headers, is left to those who serve it.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [react()],
  build: {
    ...(mode === "console" ? { outDir: "dist-console", rolldownOptions: { input: "console.html" } } : {}),
    // No inline script (policy of the device), no data: fonts, names that depend on the contents alone.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  test: { include: ["tests/unit/**/*.test.ts"] },
}));
