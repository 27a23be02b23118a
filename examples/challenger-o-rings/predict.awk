# What the fitted model says about the launch of 28 January 1986 at 31 F, and the curve it draws (cf. Figure 4 of the paper).
# usage: awk -f math.awk -f predict.awk MODEL.tsv TABLE.tsv METRICS.json CURVE.csv CURVE.svg
BEGIN {
  if (ARGC != 6) stop("predict.awk: 5 arguments expected")
  while ((getline line < ARGV[1]) > 0) {
    split(line, field, "\t")
    model[field[1]] = field[2] + 0
  }
  if (!("alpha" in model) || !("beta" in model)) stop("predict.awk: no alpha and beta in " ARGV[1])
  while ((getline line < ARGV[2]) > 0) {
    split(line, field, "\t")
    n++
    temperature[n] = field[1] + 0
    distressed[n] = field[3] + 0
  }
  if (n < 2) stop("predict.awk: no flights in " ARGV[2])

  printf "temperature_f,probability,expected_distressed\n" > ARGV[4]
  for (f = 25; f <= 85; f++) printf "%d,%.8f,%.8f\n", f, p(f), 6 * p(f) > ARGV[4]
  printf "{\"p31\": %.10g, \"expected31\": %.10g}\n", p(31), 6 * p(31) > ARGV[3]
  draw(ARGV[5])
  if (close(ARGV[3]) != 0 || close(ARGV[4]) != 0 || close(ARGV[5]) != 0) stop("predict.awk: cannot write its outputs")

  printf "at 31 F: probability %.4f for each O-ring, %.3f of 6 expected in distress\n", p(31), 6 * p(31)
  printf "at 60 F: probability %.4f for each O-ring, %.3f of 6 expected in distress\n", p(60), 6 * p(60)
}

function p(f) { return 1 / (1 + exponential(-(model["alpha"] + model["beta"] * f))) }

# Page coordinates of a temperature and of a number of O-rings.
function px(f) { return 60 + (f - 25) * 8 }
function py(k) { return 330 - k * 48 }

function draw(svg,   f, k, i, at) {
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 570 390\" font-family=\"sans-serif\" font-size=\"13\">" > svg
  print "<rect width=\"570\" height=\"390\" fill=\"white\"/>" > svg
  for (k = 0; k <= 6; k++) {
    printf "<path d=\"M60 %d H540\" stroke=\"#ddd\"/><text x=\"50\" y=\"%d\" text-anchor=\"end\">%d</text>\n", py(k), py(k) + 4, k > svg
  }
  for (f = 30; f <= 80; f += 10)
    printf "<path d=\"M%d 330 v5\" stroke=\"black\"/><text x=\"%d\" y=\"349\" text-anchor=\"middle\">%d</text>\n", px(f), px(f), f > svg
  printf "<path d=\"M%d 330 V42\" stroke=\"#b00\" stroke-dasharray=\"4 3\"/><text x=\"%d\" y=\"34\" fill=\"#b00\">31 F: %.2f of 6</text>\n", px(31), px(31) - 8, 6 * p(31) > svg
  printf "<path fill=\"none\" stroke=\"#036\" stroke-width=\"2\" d=\"" > svg
  for (f = 25; f <= 85; f++) printf "%s%d %.2f", (f == 25 ? "M" : " L"), px(f), py(6 * p(f)) > svg
  print "\"/>" > svg
  for (i = 1; i <= n; i++) {
    # Flights at the same temperature with the same outcome are drawn on top of one another, a little higher each time.
    at = temperature[i] " " distressed[i]
    printf "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"none\" stroke=\"black\"/>\n", px(temperature[i]), py(distressed[i]) - 6 * seen[at]++ > svg
  }
  print "<path d=\"M60 42 V330 H540\" fill=\"none\" stroke=\"black\"/>" > svg
  print "<text x=\"300\" y=\"374\" text-anchor=\"middle\">joint temperature, degrees Fahrenheit</text>" > svg
  print "<text x=\"18\" y=\"186\" text-anchor=\"middle\" transform=\"rotate(-90 18 186)\">O-rings in distress, of 6</text>" > svg
  print "</svg>" > svg
}

function stop(message) { print message > "/dev/stderr"; exit 1 }
