# How many digits agree with the certified values: the log relative error, -log10(|estimate - certified| / |certified|),
# which NIST recommends for this, held between 0 and 15 (the digits of a certified value).
# usage: Rscript compare.R ESTIMATES.csv CERTIFIED.csv TABLE.csv
arguments <- commandArgs(trailingOnly = TRUE)
stopifnot(length(arguments) == 3)

estimates <- read.csv(arguments[1])
certified <- read.csv(arguments[2])
table <- merge(certified, estimates, by = "quantity", sort = FALSE)
stopifnot(nrow(table) == nrow(certified))

error <- abs(table$estimate - table$certified) / abs(table$certified)
table$digits <- pmin(pmax(-log10(error), 0), 15)

cat(sprintf("%-12s %5.1f digits\n", table$quantity, table$digits), sep = "")
coefficients <- startsWith(table$quantity, "b")
cat(sprintf("fewest correct digits of a coefficient: %.1f\n", min(table$digits[coefficients])))
cat(sprintf("fewest correct digits of all: %.1f\n", min(table$digits)))

lines <- sprintf("%s,%.15g,%.15g,%.1f", table$quantity, table$certified, table$estimate, table$digits)
writeLines(c("quantity,certified,estimate,digits", lines), arguments[3])
