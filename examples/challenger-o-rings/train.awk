# Binomial logit: the number of distressed O-rings of a flight is binomial(6, p), logit p = alpha + beta * temperature.
# Full-batch gradient ascent on the mean log-likelihood of an O-ring, on standardised temperature z:
#   logit p = a + b * z,  z = (temperature - mean) / deviation
# Results are written to 10 digits, the gradient as 0 once it is nothing but rounding.
# usage: awk -f math.awk -f train.awk TABLE.tsv SCALE.tsv MODEL.tsv METRICS.json CURVE.jsonl EPOCHS LR
BEGIN {
  if (ARGC != 8) stop("train.awk: 7 arguments expected")
  read_table(ARGV[1])
  read_scale(ARGV[2])
  epochs = ARGV[6] + 0
  lr = ARGV[7] + 0
  every = int(epochs / 20)
  if (every < 1) every = 1

  a = 0; b = 0
  for (epoch = 1; epoch <= epochs; epoch++) {
    gradient()
    a += lr * ga
    b += lr * gb
    if (epoch % every == 0 || epoch == epochs) report(epoch)
  }

  beta = b / deviation
  alpha = a - beta * mean
  information()
  gradient()
  norm = gradient_norm()
  printf "alpha %.6f (standard error %.4f)\n", alpha, alpha_se
  printf "beta %.6f (standard error %.5f)\n", beta, beta_se
  printf "deviance %.6f on %d degrees of freedom\n", deviance(), n - 2
  printf "gradient norm %.1e after %d epochs\n", norm, epochs

  printf "alpha\t%.12g\nbeta\t%.12g\n", alpha, beta > ARGV[3]
  printf "{\"alpha\": %.10g, \"beta\": %.10g, \"alpha_se\": %.10g, \"beta_se\": %.10g, \"deviance\": %.10g}\n", \
    alpha, beta, alpha_se, beta_se, deviance() > ARGV[4]
  if (close(ARGV[3]) != 0 || close(ARGV[4]) != 0 || close(ARGV[5]) != 0) stop("train.awk: cannot write its outputs")
}

# The gradient of the mean log-likelihood at (a, b), in ga and gb.
function gradient(   i, r) {
  ga = 0; gb = 0
  for (i = 1; i <= n; i++) {
    r = (y[i] - 6 * p(a + b * z[i])) / (6 * n)
    ga += r
    gb += r * z[i]
  }
}

function gradient_norm(   norm) {
  norm = root(ga * ga + gb * gb)
  return norm < 1e-12 ? 0 : norm
}

# Twice the log-likelihood ratio against the saturated model: the paper's G squared.
function deviance(   i, q, d) {
  d = 0
  for (i = 1; i <= n; i++) {
    q = p(a + b * z[i])
    if (y[i] > 0) d += y[i] * logarithm(y[i] / (6 * q))
    if (y[i] < 6) d += (6 - y[i]) * logarithm((6 - y[i]) / (6 * (1 - q)))
  }
  return 2 * d
}

# Asymptotic standard errors of alpha and beta from the inverse of the Fisher information, in degrees Fahrenheit.
function information(   i, q, w, s0, s1, s2, det) {
  s0 = 0; s1 = 0; s2 = 0
  for (i = 1; i <= n; i++) {
    q = p(a + b * z[i])
    w = 6 * q * (1 - q)
    s0 += w; s1 += w * t[i]; s2 += w * t[i] * t[i]
  }
  det = s0 * s2 - s1 * s1
  if (!(det > 0)) stop("train.awk: diverged; choose a smaller --lr")
  alpha_se = root(s2 / det)
  beta_se = root(s0 / det)
}

function report(epoch,   d, norm) {
  d = deviance()
  norm = gradient_norm()
  printf "epoch %d deviance %.6f\n", epoch, d
  printf "{\"step\": %d, \"training_deviance\": %.10g, \"training_gradient\": %.3e}\n", epoch, d, norm > ARGV[5]
}

# The logistic function, kept inside (0, 1) so that a diverging run reports a large deviance and not a logarithm of 0.
function p(eta) {
  if (eta > 30) eta = 30
  if (eta < -30) eta = -30
  return 1 / (1 + exponential(-eta))
}

function read_table(file,   field, line) {
  while ((getline line < file) > 0) {
    if (split(line, field, "\t") != 3) stop(file ": not a flight: " line)
    n++
    t[n] = field[1] + 0; z[n] = field[2] + 0; y[n] = field[3] + 0
  }
  close(file)
  if (n < 2) stop("train.awk: no flights in " file)
}

function read_scale(file,   field, line) {
  if ((getline line < file) <= 0 || split(line, field, "\t") != 2) stop("train.awk: no scale in " file)
  close(file)
  mean = field[1] + 0; deviation = field[2] + 0
}

function stop(message) { print message > "/dev/stderr"; exit 1 }
