// Line drawings of our own; what they mean stands in words beside them.

const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" } as const;

export function MicrophoneIcon({ off = false }: { off?: boolean }) {
  return (
    <svg viewBox="0 0 24 24" class="icon" aria-hidden="true" {...line}>
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5 11a7 7 0 0 0 14 0M12 18v3" />
      {off && <path d="M4 4l16 16" />}
    </svg>
  );
}

export function CameraIcon({ off = false }: { off?: boolean }) {
  return (
    <svg viewBox="0 0 24 24" class="icon" aria-hidden="true" {...line}>
      <rect x="3" y="6" width="12" height="12" rx="2" />
      <path d="M15 11l6-3.5v9L15 13" />
      {off && <path d="M4 4l16 16" />}
    </svg>
  );
}

export function LeaveIcon() {
  return (
    <svg viewBox="0 0 24 24" class="icon" aria-hidden="true" {...line}>
      <path d="M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4M6 12h9" />
    </svg>
  );
}

export function LockIcon() {
  return (
    <svg viewBox="0 0 24 24" class="icon small" aria-hidden="true" {...line}>
      <rect x="5" y="11" width="14" height="9" rx="2" />
      <path d="M8 11V8a4 4 0 0 1 8 0v3" />
    </svg>
  );
}
