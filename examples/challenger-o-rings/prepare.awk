# Reads the flights (CSV: flight, temperature in degrees Fahrenheit, distressed O-rings of 6), checks them and writes
#   TABLE  a line per flight: temperature, standardised temperature, distressed (tab-separated)
#   SCALE  mean and standard deviation of the temperatures
# usage: awk -f math.awk -f prepare.awk FLIGHTS.csv TABLE.tsv SCALE.tsv
BEGIN {
  if (ARGC != 4) stop("usage: awk -f math.awk -f prepare.awk FLIGHTS.csv TABLE.tsv SCALE.tsv")
  flights = ARGV[1]; table = ARGV[2]; scale = ARGV[3]
  FS = ","
  while ((got = (getline < flights)) > 0) {
    sub(/\r$/, "")
    if (++line == 1) {
      if ($0 != "flight,temperature_f,distressed") stop(flights ": unexpected header: " $0)
      continue
    }
    if (NF != 3 || $2 !~ /^[0-9]+$/ || $3 !~ /^[0-6]$/) stop(flights ":" line ": not a flight: " $0)
    n++
    temperature[n] = $2 + 0
    distressed[n] = $3 + 0
    sum += temperature[n]
    total += distressed[n]
  }
  if (got < 0) stop("cannot read " flights)
  if (n < 2) stop(flights ": needs two flights or more")
  mean = sum / n
  for (i = 1; i <= n; i++) squares += (temperature[i] - mean) * (temperature[i] - mean)
  deviation = root(squares / (n - 1))
  for (i = 1; i <= n; i++)
    printf "%d\t%.17g\t%d\n", temperature[i], (temperature[i] - mean) / deviation, distressed[i] > table
  printf "%.17g\t%.17g\n", mean, deviation > scale
  if (close(table) != 0 || close(scale) != 0) stop("cannot write " table " and " scale)
  printf "%d flights, %d of %d O-rings in distress, temperature %.2f F, standard deviation %.3f F\n", n, total, 6 * n, mean, deviation
}
function stop(message) { print message > "/dev/stderr"; exit 1 }
