// Letters as strokes: the simplex Roman of A. V. Hershey (US National Bureau of Standards, 1967), for pictures that are
// drawn without a font; space and hyphen are narrower. Points are two characters, x and y from `R` on; a space lifts the pen.

/** Height of a capital. */
export const capHeight = 21;

/** Lines of points. */
export type Strokes = readonly (readonly (readonly [x: number, y: number])[])[];

/** How far it moves on, and its strokes; y points up from the baseline. Of what it lacks, a space. */
export function glyphOf(character: string): { readonly width: number; readonly strokes: Strokes } {
  const [width, code] = glyphs[character] ?? glyphs[' '];
  const strokes = code.split(' ').map((stroke) => (stroke.match(/../g) ?? []).map(pointOf));
  return { width, strokes };
}

function pointOf(pair: string): readonly [number, number] {
  return [pair.charCodeAt(0) - origin, pair.charCodeAt(1) - origin];
}

const origin = 'R'.charCodeAt(0);

/** Width and strokes. */
const glyphs: Readonly<Record<string, readonly [number, string]>> = {
  ' ': [12, ''],
  '%': [24, 'ggUR Zg\\e\\c[aY`W`UbUdVfXgZg\\f_ebeefgg cYaX`V`TbRdRfSgUgWeYcY'],
  '(': [14, ']k[iYfWbV]VYWTYP[M]K'],
  ')': [14, 'UkWiYf[b\\]\\Y[TYPWMUK'],
  '+': [26, '_d_R V[h['],
  ',': [10, 'XSWRVSWTXSXQWOVN'],
  '-': [14, 'T[^['],
  '.': [10, 'WTVSWRXSWT'],
  '/': [22, 'fkTK'],
  0: [20, '[gXfVcU^U[VVXS[R]R`SbVc[c^bc`f]g[g'],
  1: [20, 'XcZd]g]R'],
  2: [20, 'VbVcWeXfZg^g`faebcbaa__\\URcR'],
  3: [20, 'Wgbg\\___a^b]cZcXbU`S]RZRWSVTUV'],
  4: [20, '_gUYdY _g_R'],
  5: [20, 'agWgV^W_Z`]``_b]cZcXbU`S]RZRWSVTUV'],
  6: [20, 'bdaf^g\\gYfWcV^VYWUYS\\R]R`SbUcXcYb\\`^]_\\_Y^W\\VY'],
  7: [20, 'cgYR Ugcg'],
  8: [20, 'ZgWfVdVbW`Y_]^`]b[cYcVbTaS^RZRWSVTUVUYV[X][^__a`bbbdaf^gZg'],
  9: [20, 'b`a]_[\\Z[ZX[V]U`UaVdXf[g\\g_fadb`b[aV_S\\RZRWSVU'],
  ':': [10, 'W`V_W^X_W` WTVSWRXSWT'],
  '=': [26, 'V^h^ VXhX'],
  A: [18, '[gSR [gcR VY`Y'],
  B: [21, 'VgVR Vg_gbfcedcdac_b^_] V]_]b\\c[dYdVcTbS_RVR'],
  C: [21, 'dbcdaf_g[gYfWdVbU_UZVWWUYS[R_RaScUdW'],
  D: [21, 'VgVR Vg]g`fbdcbd_dZcWbU`S]RVR'],
  E: [19, 'VgVR Vgcg V]^] VRcR'],
  F: [18, 'VgVR Vgcg V]^]'],
  G: [21, 'dbcdaf_g[gYfWdVbU_UZVWWUYS[R_RaScUdWdZ _ZdZ'],
  H: [22, 'VgVR dgdR V]d]'],
  I: [8, 'VgVR'],
  J: [16, '^g^W]T\\SZRXRVSUTTWTY'],
  K: [21, 'VgVR dgVY [^dR'],
  L: [17, 'VgVR VRbR'],
  M: [24, 'VgVR Vg^R fg^R fgfR'],
  N: [22, 'VgVR VgdR dgdR'],
  O: [22, '[gYfWdVbU_UZVWWUYS[R_RaScUdWeZe_dbcdaf_g[g'],
  P: [21, 'VgVR Vg_gbfcedcd`c^b]_\\V\\'],
  Q: [22, '[gYfWdVbU_UZVWWUYS[R_RaScUdWeZe_dbcdaf_g[g ^VdP'],
  R: [21, 'VgVR Vg_gbfcedcdac_b^_]V] ]]dR'],
  S: [20, 'cdaf^gZgWfUdUbV`W_Y^_\\a[bZcXcUaS^RZRWSUU'],
  T: [16, 'ZgZR Sgag'],
  U: [22, 'VgVXWUYS\\R^RaScUdXdg'],
  V: [18, 'Sg[R cg[R'],
  W: [24, 'TgYR ^gYR ^gcR hgcR'],
  X: [20, 'UgcR cgUR'],
  Y: [18, 'Sg[][R cg[]'],
  Z: [20, 'cgUR Ugcg URcR'],
  _: [16, 'RPbP'],
  a: [19, 'a`aR a]__]`Z`X_V]UZUXVUXSZR]R_SaU'],
  b: [19, 'VgVR V]X_Z`]`__a]bZbXaU_S]RZRXSVU'],
  c: [18, 'a]__]`Z`X_V]UZUXVUXSZR]R_SaU'],
  d: [19, 'agaR a]__]`Z`X_V]UZUXVUXSZR]R_SaU'],
  e: [18, 'UZaZa\\`^__]`Z`X_V]UZUXVUXSZR]R_SaU'],
  f: [12, '\\gZgXfWcWR T`[`'],
  g: [19, 'a`aP`M_L]KZKXL a]__]`Z`X_V]UZUXVUXSZR]R_SaU'],
  h: [19, 'VgVR V\\Y_[`^``_a\\aR'],
  i: [8, 'UgVfWgVhUg V`VR'],
  j: [10, 'WgXfYgXhWg X`XOWLUKSK'],
  k: [17, 'VgVR ``VV ZZaR'],
  l: [8, 'VgVR'],
  m: [30, 'V`VR V\\Y_[`^``_a\\aR a\\d_f`i`k_l\\lR'],
  n: [19, 'V`VR V\\Y_[`^``_a\\aR'],
  o: [19, 'Z`X_V]UZUXVUXSZR]R_SaUbXbZa]__]`Z`'],
  p: [19, 'V`VK V]X_Z`]`__a]bZbXaU_S]RZRXSVU'],
  q: [19, 'a`aK a]__]`Z`X_V]UZUXVUXSZR]R_SaU'],
  r: [13, 'V`VR VZW]Y_[`^`'],
  s: [17, '`]__\\`Y`V_U]V[XZ]Y_X`V`U_S\\RYRVSUU'],
  t: [12, 'WgWVXSZR\\R T`[`'],
  u: [19, 'V`VVWSYR\\R^SaV a`aR'],
  v: [16, 'T`ZR ``ZR'],
  w: [22, 'U`YR ]`YR ]`aR e`aR'],
  x: [17, 'U``R ``UR'],
  y: [16, 'T`ZR ``ZRXNVLTKSK'],
  z: [17, '``UR U``` UR`R'],
};
