import { useEffect, useMemo, useReducer, useState } from "preact/hooks";

import { Media } from "../media";
import { remember } from "../remember";
import { Session } from "../session";
import { text, type Language } from "../texts";
import { Ended } from "./ended";
import { Home } from "./home";
import { JoinForm } from "./join";
import { firstLanguage, LanguageSwitch, Speaking } from "./language";
import { Stage } from "./stage";
import { Waiting } from "./waiting";

export function App() {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const change = (next: Language) => {
    remember("language", next);
    setLanguage(next);
  };
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const address = addressOf(location.pathname);
  return (
    <Speaking.Provider value={{ language, change }}>
      {address === "" ? <Home /> : <Room address={address} language={language} />}
    </Speaking.Provider>
  );
}

/** The room's address in the page's own address. */
export function addressOf(path: string): string {
  const raw = path.replace(/^\/+|\/+$/g, "");
  try {
    return decodeURIComponent(raw).trim();
  } catch {
    return raw;
  }
}

function Room({ address, language }: { address: string; language: Language }) {
  const session = useMemo(() => new Session(address, new Media()), [address]);
  const [, changed] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const ends = [session.subscribe(() => changed(undefined)), session.media.subscribe(() => changed(undefined))];
    void session.media.start();
    return () => ends.forEach((end) => end());
  }, [session]);

  const { state } = session;
  const room = state.room ?? address;
  useEffect(() => {
    document.title = `${room} – ${text(language, "title")}`;
  }, [room, language]);

  const notice = state.notice?.[language] ?? "";
  return (
    <>
      <View session={session} room={room} />
      {/* Stands there from the start: readers announce what changes in it. */}
      <div class="notice" role="status" aria-live="polite" data-testid="notice">
        {notice && <p>{notice}</p>}
      </div>
    </>
  );
}

function View({ session, room }: { session: Session; room: string }) {
  switch (session.state.phase) {
    case "form":
    case "joining":
    case "pin":
      return <JoinForm session={session} room={room} />;
    case "waiting":
      return <Waiting session={session} room={room} />;
    case "seated":
      return <Stage session={session} room={room} />;
    case "released":
    case "failed":
      return <Ended session={session} room={room} />;
  }
}

export function Header({ children }: { children?: preact.ComponentChildren }) {
  return (
    <header class="top">
      <div class="top-start">{children ?? <span class="brand">Roomgate</span>}</div>
      <LanguageSwitch />
    </header>
  );
}
