# exp, log and square root from + - * / alone: some awks are built without them (BusyBox on Debian), and every machine with
# IEEE 754 doubles then gives the same bits, whatever its C library.

function exponential(x,   k, r, term, sum, i) {
  if (x < 0) return 1 / exponential(-x)
  k = int(x / 0.6931471805599453)
  r = x - k * 0.6931471805599453
  sum = 1; term = 1
  for (i = 1; i <= 22; i++) {
    term = term * r / i
    sum += term
  }
  while (k-- > 0) sum *= 2
  return sum
}

# x > 0. log x = k log 2 + 2 artanh((m - 1) / (m + 1)) with x = m 2^k and m near 1.
function logarithm(x,   k, s, square, power, sum, i) {
  k = 0
  while (x > 1.5) { x /= 2; k++ }
  while (x < 0.75) { x *= 2; k-- }
  s = (x - 1) / (x + 1)
  square = s * s
  power = s; sum = 0
  for (i = 1; i <= 31; i += 2) {
    sum += power / i
    power *= square
  }
  return 2 * sum + k * 0.6931471805599453
}

# x >= 0, by Newton's iteration from above, until it no longer descends.
function root(x,   guess, next_guess) {
  if (x <= 0) return 0
  guess = x > 1 ? x : 1
  while ((next_guess = (guess + x / guess) / 2) < guess) guess = next_guess
  return guess
}
