/** How many columns make the tiles (16:9) largest in this space. */
export function columns(tiles: number, width: number, height: number, gap = 8): number {
  let best = 1;
  let largest = 0;
  for (let count = 1; count <= Math.max(1, tiles); count += 1) {
    const rows = Math.ceil(tiles / count);
    const cellWidth = (width - gap * (count - 1)) / count;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    const size = Math.min(cellWidth, (cellHeight * 16) / 9);
    if (size > largest) {
      largest = size;
      best = count;
    }
  }
  return best;
}
