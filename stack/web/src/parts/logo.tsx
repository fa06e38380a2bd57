// The tayberry of the header, as shapes whose colours come from the style sheet.

const DARK = [[11, 13, 4], [21, 13, 4], [11.5, 19, 4], [20.5, 19, 4], [13, 25, 3.6], [19, 25, 3.6]] as const;
const LIGHT = [[16, 12, 4], [16, 18, 4.2], [16, 24, 4]] as const;

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
      <path className="logo-leaf" d="M16 9C12 9 8 6 8 3c4-1 7 1 8 4 1-3 4-5 8-4 0 3-4 6-8 6z" />
      {DARK.map(([x, y, r]) => <circle key={`${x} ${y}`} className="logo-dark" cx={x} cy={y} r={r} />)}
      {LIGHT.map(([x, y, r]) => <circle key={`${x} ${y}`} className="logo-light" cx={x} cy={y} r={r} />)}
    </svg>
  );
}
