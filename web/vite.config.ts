import { defineConfig } from "vite";

// The gateway serves `dist` under a policy that allows neither scripts nor styles in the page itself, and keeps what is
// below /assets for ever: names change with contents.
export default defineConfig({
  build: { target: "es2021", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/ws": { target: "https://127.0.0.1:8443", ws: true, secure: false, changeOrigin: true } } },
});
