const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** 1536000 -> "1.5 MB" (decimal units, as disks are sold and `df -H` prints). */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** 0.42 -> "0.4 s", 75 -> "1 min 15 s", 4000 -> "1 h 07 min", 200000 -> "2 d 7 h". */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(whole / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** 1234567 -> "1,234,567" */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** 1, 'chunk' -> "1 chunk"; 2 -> "2 chunks" */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Cells (or whatever is counted) per second: "1,240 cells/s", "0.5 cells/s". */
export function formatRate(perSecond: number, unit: string): string {
  return `${perSecond >= 10 ? formatCount(perSecond) : perSecond.toFixed(1)} ${unit}/s`;
}

const pad = (value: number) => String(value).padStart(2, '0');
