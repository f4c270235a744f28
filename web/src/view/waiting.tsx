import { useEffect, useRef, useState } from "preact/hooks";

import type { Session } from "../session";
import { Header } from "./app";
import { useText } from "./language";

export function Waiting({ session, room }: { session: Session; room: string }) {
  const t = useText();
  const heading = useRef<HTMLHeadingElement>(null);
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    heading.current?.focus();
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.floor((now - (session.state.waitingSince ?? now)) / 1000));
  const clock = { minutes: Math.floor(seconds / 60), seconds: String(seconds % 60).padStart(2, "0") };
  return (
    <div class="shell">
      <Header />
      <main class="card narrow centred" data-testid="waiting">
        <div class="pulse" aria-hidden="true" />
        <h1 ref={heading} tabIndex={-1}>
          {t("waiting.heading")}
        </h1>
        <p>{t("waiting.room", { room })}</p>
        <p class="soft">{t("waiting.time", clock)}</p>
        <button type="button" class="danger" data-testid="leave-button" onClick={() => session.leave()}>
          {t("control.leave")}
        </button>
      </main>
    </div>
  );
}
