// What this browser keeps for the next visit: name, language, devices. Never a PIN.

type Kept = "name" | "language" | "camera" | "microphone" | "loudspeaker";

export function recall(key: Kept): string | null {
  try {
    return localStorage.getItem(`roomgate.${key}`);
  } catch {
    return null; // storage is switched off
  }
}

export function remember(key: Kept, value: string): void {
  try {
    localStorage.setItem(`roomgate.${key}`, value);
  } catch {
    // then it is asked for again
  }
}
