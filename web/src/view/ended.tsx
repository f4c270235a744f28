// Out again: why, in words, and the way back.

import { useContext, useEffect, useRef } from "preact/hooks";

import type { Session } from "../session";
import { Header } from "./app";
import { Speaking, useText } from "./language";

export function Ended({ session, room }: { session: Session; room: string }) {
  const t = useText();
  const { language } = useContext(Speaking);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { failure, phase } = session.state;
  const broken = phase === "failed";
  return (
    <div class="shell">
      <Header />
      <main class="card narrow centred" data-testid="released" data-reason={failure?.kind ?? session.state.reason}>
        <h1 ref={heading} tabIndex={-1}>
          {t(broken ? "failed.heading" : "released.heading")}
        </h1>
        <p class="soft">{room}</p>
        <p role="alert">{reasonText(session, t)}</p>
        <div class="row">
          {broken && (
            <button type="button" class="primary" data-testid="rejoin-button" onClick={() => void session.rejoin(language)}>
              {t("failed.rejoin")}
            </button>
          )}
          <button
            type="button"
            class={broken ? "" : "primary"}
            data-testid="join-again-button"
            onClick={() => session.again()}
          >
            {t("released.again")}
          </button>
        </div>
      </main>
    </div>
  );
}

/** Why it ended, or could not begin; empty where nothing went wrong. */
export function reasonText(session: Session, t: ReturnType<typeof useText>): string {
  const { failure, reason } = session.state;
  if (failure) return t(`failed.${failure.kind}`, { detail: failure.detail });
  return reason ? t(`released.${reason}`, { address: session.address }) : "";
}
