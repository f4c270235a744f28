import { useEffect, useRef, useState } from "preact/hooks";

/** A track's picture, hidden until the first frame is there. Sound comes from elsewhere. */
export function Video({ track, mirrored = false, label }: { track: MediaStreamTrack; mirrored?: boolean; label: string }) {
  const element = useRef<HTMLVideoElement>(null);
  const [shows, setShows] = useState(false);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    setShows(false);
    video.srcObject = new MediaStream([track]);
    void video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [track]);
  return (
    <video
      ref={element}
      class={`${shows ? "shows" : ""} ${mirrored ? "mirrored" : ""}`}
      aria-label={label}
      autoplay
      muted
      playsInline
      disablePictureInPicture
      onLoadedData={() => setShows(true)}
    />
  );
}
