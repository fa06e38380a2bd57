// How the pages are built. What is served, and with which headers, is left to tayberry-front.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: {
    // No inline script (policy of the device), no data: fonts, names that depend on the contents alone.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
