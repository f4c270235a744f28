// Every text of the page, in both languages.

import type { Release } from "./protocol";

export type Language = "nb" | "en";
export const LANGUAGES: readonly Language[] = ["nb", "en"];

const en = {
  title: "Roomgate",
  language: "Language",
  "home.heading": "Join a room",
  "home.address": "The room's number or address",
  "home.go": "Continue",
  "home.missing": "Write the room's number or address.",

  "join.heading": "Join {room}",
  "join.name": "Your name",
  "join.pin": "PIN",
  "join.pin.hint": "Leave it empty if you were not given a PIN.",
  "join.button": "Join",
  "join.busy": "Joining…",
  "join.wait": "Wait {seconds} s",
  "join.cancel": "Cancel",
  "join.other-room": "Another room",

  "pin.needed": "This room needs a PIN.",
  "pin.needed.guest": "Hosts need the PIN. Guests leave the field empty.",
  "pin.wrong": "That PIN is not right. Try again: {tries} tries left.",
  "pin.wrong.last": "That PIN is not right. Last try.",
  "pin.pause": "You can try again in {seconds} s.",

  "devices.heading": "Camera and sound",
  "devices.camera": "Camera",
  "devices.microphone": "Microphone",
  "devices.loudspeaker": "Loudspeaker",
  "devices.none": "None found",
  "devices.default": "The system's own",
  "devices.unnamed": "{kind} {number}",
  "devices.level": "Microphone level",
  "devices.test": "Play a test sound",
  "preview.label": "Your camera, as others see you",
  "preview.off": "The camera is off",
  "preview.starting": "The camera is starting…",

  "problem.camera.denied": "The browser may not use the camera. You can join without it, or allow it at the address bar.",
  "problem.camera.missing": "No camera was found. You can join without one.",
  "problem.camera.busy": "The camera cannot be used; perhaps another program has it. You can join without it.",
  "problem.microphone.denied": "The browser may not use the microphone. You can join and listen, or allow it at the address bar.",
  "problem.microphone.missing": "No microphone was found. You can join and listen.",
  "problem.microphone.busy": "The microphone cannot be used; perhaps another program has it. You can join and listen.",
  "problem.insecure": "Camera and microphone work only where the address begins with https. You can join and look and listen.",
  "problem.no-h264": "This browser has no H.264 video. You will hear the others but not see them; Chrome, Edge and Safari have it.",
  "problem.no-webrtc": "This browser cannot take part: it has no WebRTC.",

  "waiting.heading": "Waiting for the host",
  "waiting.room": "You are outside {room}. You will be let in when the host is ready.",
  "waiting.time": "Waited {minutes}:{seconds}",

  "stage.label": "People in the room",
  "stage.empty": "You are the first one here",
  "stage.empty.more": "Others will show up here when they come.",
  "stage.no-picture": "No picture",
  "stage.muted": "Microphone off",
  "stage.host": "host",
  "stage.self": "You",
  "stage.self.off": "Camera off",
  "stage.encryption": "encrypted to the gateway",
  "stage.sound": "Turn on sound",

  "control.label": "Your controls",
  "control.mute": "Turn microphone off",
  "control.unmute": "Turn microphone on",
  "control.camera-off": "Turn camera off",
  "control.camera-on": "Turn camera on",
  "control.leave": "Leave",
  "control.short.microphone": "Microphone",
  "control.short.camera": "Camera",

  "link.connecting": "Connecting…",
  "link.connected": "Connected",
  "link.unstable": "The connection is unstable…",
  "link.lost": "Disconnected",

  "released.heading": "You are no longer in the room",
  "released.again": "Join again",
  "released.hung-up": "You have left the room.",
  "released.cancelled": "You stopped before you were in.",
  "released.lost": "The connection was lost.",
  "released.not-found": "There is no room {address} here.",
  "released.incompatible": "This browser and the gateway have no sound or video in common.",
  "released.encryption-required": "This room takes encrypted connections only.",
  "released.pin-refused": "That PIN is not right. There are no tries left for now.",
  "released.no-input": "Nothing was keyed for a while, so the connection was ended.",
  "released.no-host": "No host came. Try again later.",
  "released.full": "There is no place left right now. Try again in a while.",
  "released.room-closed": "The room was closed, or the host put you out.",
  "released.misbehaved": "The gateway did not understand this page. Load it anew and try again.",
  "released.forbidden": "You may not join this room.",
  "released.shutting-down": "The gateway is being restarted. Try again in a minute.",
  "released.fault": "Something went wrong at the gateway. Try again.",

  "failed.heading": "The connection is broken",
  "failed.dropped": "The gateway cannot be reached any more. Look at your network, then go back in.",
  "failed.media": "Sound and video do not get through. A firewall may stop UDP to the gateway.",
  "failed.rejoin": "Go back in",
  "failed.unreachable": "The gateway does not answer. Look at your network and try again.",
  "failed.browser": "The browser could not start the call: {detail}",
};

export type Key = keyof typeof en;
/** What `text` accepts: any key, or one for each reason to be released. */
export type ReleaseKey = `released.${Release}`;

const nb: Record<Key, string> = {
  title: "Roomgate",
  language: "Språk",
  "home.heading": "Bli med i et rom",
  "home.address": "Rommets nummer eller adresse",
  "home.go": "Fortsett",
  "home.missing": "Skriv rommets nummer eller adresse.",

  "join.heading": "Bli med i {room}",
  "join.name": "Navnet ditt",
  "join.pin": "PIN",
  "join.pin.hint": "La feltet stå tomt hvis du ikke har fått noen PIN.",
  "join.button": "Bli med",
  "join.busy": "Kobler til …",
  "join.wait": "Vent {seconds} s",
  "join.cancel": "Avbryt",
  "join.other-room": "Et annet rom",

  "pin.needed": "Dette rommet krever PIN.",
  "pin.needed.guest": "Verter trenger PIN. Gjester lar feltet stå tomt.",
  "pin.wrong": "PIN-en er ikke riktig. Prøv igjen: {tries} forsøk igjen.",
  "pin.wrong.last": "PIN-en er ikke riktig. Siste forsøk.",
  "pin.pause": "Du kan prøve igjen om {seconds} s.",

  "devices.heading": "Kamera og lyd",
  "devices.camera": "Kamera",
  "devices.microphone": "Mikrofon",
  "devices.loudspeaker": "Høyttaler",
  "devices.none": "Ingen funnet",
  "devices.default": "Systemets eget valg",
  "devices.unnamed": "{kind} {number}",
  "devices.level": "Mikrofonnivå",
  "devices.test": "Spill en prøvelyd",
  "preview.label": "Kameraet ditt, slik andre ser deg",
  "preview.off": "Kameraet er av",
  "preview.starting": "Kameraet starter …",

  "problem.camera.denied": "Nettleseren får ikke bruke kameraet. Du kan bli med uten, eller tillate det ved adressefeltet.",
  "problem.camera.missing": "Fant ikke noe kamera. Du kan bli med uten.",
  "problem.camera.busy": "Kameraet kan ikke brukes; kanskje et annet program har det. Du kan bli med uten.",
  "problem.microphone.denied": "Nettleseren får ikke bruke mikrofonen. Du kan bli med og lytte, eller tillate den ved adressefeltet.",
  "problem.microphone.missing": "Fant ingen mikrofon. Du kan bli med og lytte.",
  "problem.microphone.busy": "Mikrofonen kan ikke brukes; kanskje et annet program har den. Du kan bli med og lytte.",
  "problem.insecure": "Kamera og mikrofon virker bare der adressen begynner med https. Du kan bli med og se og lytte.",
  "problem.no-h264": "Denne nettleseren mangler H.264-video. Du hører de andre, men ser dem ikke; Chrome, Edge og Safari har det.",
  "problem.no-webrtc": "Denne nettleseren kan ikke delta: den mangler WebRTC.",

  "waiting.heading": "Venter på verten",
  "waiting.room": "Du er utenfor {room}. Du slippes inn når verten er klar.",
  "waiting.time": "Ventet {minutes}:{seconds}",

  "stage.label": "Deltakere i rommet",
  "stage.empty": "Du er først her",
  "stage.empty.more": "Andre vises her når de kommer.",
  "stage.no-picture": "Ikke noe bilde",
  "stage.muted": "Mikrofonen er av",
  "stage.host": "vert",
  "stage.self": "Deg",
  "stage.self.off": "Kamera av",
  "stage.encryption": "kryptert til gatewayen",
  "stage.sound": "Slå på lyden",

  "control.label": "Dine valg",
  "control.mute": "Slå av mikrofonen",
  "control.unmute": "Slå på mikrofonen",
  "control.camera-off": "Slå av kameraet",
  "control.camera-on": "Slå på kameraet",
  "control.leave": "Forlat",
  "control.short.microphone": "Mikrofon",
  "control.short.camera": "Kamera",

  "link.connecting": "Kobler til …",
  "link.connected": "Tilkoblet",
  "link.unstable": "Forbindelsen er ustabil …",
  "link.lost": "Frakoblet",

  "released.heading": "Du er ikke lenger i rommet",
  "released.again": "Bli med igjen",
  "released.hung-up": "Du har forlatt rommet.",
  "released.cancelled": "Du avbrøt før du var inne.",
  "released.lost": "Forbindelsen ble brutt.",
  "released.not-found": "Det finnes ikke noe rom {address} her.",
  "released.incompatible": "Denne nettleseren og gatewayen har verken lyd eller video felles.",
  "released.encryption-required": "Dette rommet tar bare imot krypterte forbindelser.",
  "released.pin-refused": "PIN-en er ikke riktig. Det er ingen forsøk igjen nå.",
  "released.no-input": "Ingenting ble tastet på en stund, så forbindelsen ble avsluttet.",
  "released.no-host": "Det kom ingen vert. Prøv igjen senere.",
  "released.full": "Det er ingen ledig plass nå. Prøv igjen om en stund.",
  "released.room-closed": "Rommet ble stengt, eller verten tok deg ut.",
  "released.misbehaved": "Gatewayen forstod ikke denne siden. Last den på nytt og prøv igjen.",
  "released.forbidden": "Du har ikke adgang til dette rommet.",
  "released.shutting-down": "Gatewayen startes på nytt. Prøv igjen om et minutt.",
  "released.fault": "Noe gikk galt i gatewayen. Prøv igjen.",

  "failed.heading": "Forbindelsen er brutt",
  "failed.dropped": "Gatewayen svarer ikke lenger. Se på nettverket ditt, og gå inn igjen.",
  "failed.media": "Lyd og video kommer ikke fram. En brannmur kan stoppe UDP til gatewayen.",
  "failed.rejoin": "Gå inn igjen",
  "failed.unreachable": "Gatewayen svarer ikke. Se på nettverket ditt og prøv igjen.",
  "failed.browser": "Nettleseren kunne ikke starte samtalen: {detail}",
};

export const CATALOGUE: Record<Language, Record<Key, string>> = { nb, en };

/** The text with its places filled in. */
export function text(language: Language, key: Key, places: Record<string, string | number> = {}): string {
  return CATALOGUE[language][key].replace(/\{(\w+)\}/g, (whole, place: string) => String(places[place] ?? whole));
}

/** The first language of the reader's that the page has. All Norwegians read bokmål, Danes and Swedes too. */
export function choose(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split("-")[0] ?? "";
    if (["nb", "no", "nn", "da", "sv"].includes(base)) return "nb";
    if (base === "en") return "en";
  }
  return "en";
}
