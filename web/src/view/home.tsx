import { useEffect, useRef, useState } from "preact/hooks";

import { Header } from "./app";
import { useText } from "./language";

export function Home() {
  const t = useText();
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = t("title");
    field.current?.focus();
  }, []);
  const go = (event: Event) => {
    event.preventDefault();
    const address = field.current?.value.trim() ?? "";
    setMissing(address === "");
    if (address === "") field.current?.focus();
    else location.assign(`/${encodeURIComponent(address)}`);
  };
  return (
    <div class="shell">
      <Header />
      <main class="card narrow">
        <h1>{t("home.heading")}</h1>
        <form onSubmit={go} noValidate>
          <label for="address">{t("home.address")}</label>
          <input
            id="address"
            ref={field}
            data-testid="room-address"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            maxLength={64}
            aria-invalid={missing}
            aria-describedby="address-error"
          />
          <p id="address-error" class="error" role="alert" aria-live="assertive">
            {missing && t("home.missing")}
          </p>
          <button type="submit" class="primary" data-testid="room-go">
            {t("home.go")}
          </button>
        </form>
      </main>
    </div>
  );
}
