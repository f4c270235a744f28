// The language that the page speaks, and its switch.

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { recall } from "../remember";
import { choose, text, type Key, type Language } from "../texts";

const NAMES: Record<Language, string> = { nb: "Norsk", en: "English" };

export const Speaking = createContext<{ language: Language; change: (language: Language) => void }>({
  language: "en",
  change: () => undefined,
});

export function firstLanguage(): Language {
  const kept = recall("language");
  return kept === "nb" || kept === "en" ? kept : choose(navigator.languages ?? [navigator.language]);
}

export function useText(): (key: Key, places?: Record<string, string | number>) => string {
  const { language } = useContext(Speaking);
  return (key, places) => text(language, key, places);
}

export function LanguageSwitch() {
  const { language, change } = useContext(Speaking);
  const t = useText();
  return (
    <div class="languages" role="group" aria-label={t("language")} data-testid="language-switch">
      {(["nb", "en"] as const).map((each) => (
        <button
          key={each}
          type="button"
          lang={each}
          class="quiet"
          aria-pressed={each === language}
          onClick={() => change(each)}
        >
          {NAMES[each]}
        </button>
      ))}
    </div>
  );
}
