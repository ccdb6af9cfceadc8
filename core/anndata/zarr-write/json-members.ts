/**
 * Members of a JSON object as raw text, in order. Metadata is spliced as text because a round trip through
 * JavaScript numbers would change it: 64-bit integers lose digits, 1.0 becomes 1, and the bare NaN that Python
 * writes does not parse at all.
 */
export function jsonMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let position = skipSpace(text, 0);
  if (text[position] !== '{') throw new SyntaxError('not a JSON object');
  position = skipSpace(text, position + 1);
  while (text[position] !== '}') {
    const keyEnd = endOfString(text, position);
    const key = JSON.parse(text.slice(position, keyEnd)) as string;
    position = skipSpace(text, keyEnd);
    if (text[position] !== ':') throw new SyntaxError(`expected ":" at offset ${position}`);
    const valueStart = skipSpace(text, position + 1);
    const valueEnd = endOfValue(text, valueStart);
    members.set(key, text.slice(valueStart, valueEnd).trimEnd());
    position = skipSpace(text, valueEnd);
    if (text[position] === ',') position = skipSpace(text, position + 1);
    else if (text[position] !== '}') throw new SyntaxError(`expected "," or "}" at offset ${position}`);
  }
  return members;
}

/** The object with these members, as text. */
export function joinMembers(members: ReadonlyMap<string, string>): string {
  const lines = [...members].map(([key, value]) => `${JSON.stringify(key)}: ${value}`);
  return `{\n${lines.join(',\n')}\n}`;
}

function skipSpace(text: string, from: number): number {
  let position = from;
  while (position < text.length && ' \t\r\n'.includes(text[position]!)) position++;
  return position;
}

function endOfString(text: string, start: number): number {
  if (text[start] !== '"') throw new SyntaxError(`expected a string at offset ${start}`);
  for (let position = start + 1; position < text.length; position++) {
    if (text[position] === '\\') position++;
    else if (text[position] === '"') return position + 1;
  }
  throw new SyntaxError('string without end');
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let position = start; position < text.length; position++) {
    const character = text[position]!;
    if (character === '"') position = endOfString(text, position) - 1;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      if (depth === 0) return position;
      depth--;
    } else if (character === ',' && depth === 0) return position;
  }
  throw new SyntaxError('object without end');
}
