# Checks Longley's 16 years against the copy that R itself ships and writes them sorted by year.
# usage: Rscript prepare.R LONGLEY.csv OBSERVATIONS.csv
arguments <- commandArgs(trailingOnly = TRUE)
stopifnot(length(arguments) == 2)

longley <- read.csv(arguments[1])
names_expected <- c("employed", "gnp_deflator", "gnp", "unemployed", "armed_forces", "population", "year")
stopifnot(identical(names(longley), names_expected), nrow(longley) == 16, !anyNA(longley))
longley <- longley[order(longley$year), ]

# R's copy is in billions of dollars, millions and ten thousands of people; NIST's in millions of dollars and thousands of people.
shipped <- datasets::longley
scaled <- data.frame(
  employed = round(shipped$Employed * 1000),
  gnp_deflator = shipped$GNP.deflator,
  gnp = round(shipped$GNP * 1000),
  unemployed = round(shipped$Unemployed * 10),
  armed_forces = round(shipped$Armed.Forces * 10),
  population = round(shipped$Population * 1000),
  year = shipped$Year
)
differing <- sum(as.matrix(longley) != as.matrix(scaled))
cat(sprintf("%d observations, %d values differ from the copy in R's package datasets\n", nrow(longley), differing))
if (differing > 0) stop("the data are not Longley's")

write.csv(longley, arguments[2], row.names = FALSE, quote = FALSE)
