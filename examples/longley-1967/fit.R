# Longley's regression of employment on six predictors and a constant, in double precision.
#   --method=qr      Householder QR of the design matrix, as R's lm() does
#   --method=normal  Cholesky factor of the normal equations X'X b = X'y, the textbook's way
# usage: Rscript fit.R OBSERVATIONS.csv ESTIMATES.csv METRICS.json [--method=qr|normal]
arguments <- commandArgs(trailingOnly = TRUE)
stopifnot(length(arguments) >= 3)
method <- "qr"
for (word in arguments[-(1:3)]) {
  if (!startsWith(word, "--method=")) stop("unknown option ", word)
  method <- sub("^--method=", "", word)
}

observations <- read.csv(arguments[1])
y <- observations$employed
predictors <- setdiff(names(observations), "employed")
x <- cbind(1, as.matrix(observations[predictors]))
n <- nrow(x)
k <- ncol(x)

if (method == "qr") {
  # tol = 0: the default, 1e-7, is for data that are singular by mistake.
  decomposition <- qr(x, tol = 0)
  stopifnot(identical(decomposition$pivot, seq_len(k)))
  b <- qr.coef(decomposition, y)
  unscaled <- chol2inv(qr.R(decomposition))
} else if (method == "normal") {
  factor <- chol(crossprod(x))
  b <- backsolve(factor, forwardsolve(t(factor), crossprod(x, y)))
  unscaled <- chol2inv(factor)
} else {
  stop("unknown method ", method)
}

b <- as.vector(b)
residuals <- y - as.vector(x %*% b)
rss <- sum(residuals^2)
tss <- sum((y - mean(y))^2)
residual_sd <- sqrt(rss / (n - k))
estimates <- c(
  setNames(b, paste0("b", seq_len(k) - 1)),
  setNames(residual_sd * sqrt(diag(unscaled)), paste0("se_b", seq_len(k) - 1)),
  residual_sd = residual_sd,
  r_squared = 1 - rss / tss,
  f_statistic = ((tss - rss) / (k - 1)) / (rss / (n - k))
)

cat(sprintf("method %s, %d observations, %d coefficients\n", method, n, k))
cat(sprintf("%-12s %22s %20s\n", c("constant", predictors), sprintf("%.12g", b), sprintf("(%.8g)", estimates[k + 1:k])), sep = "")
cat(sprintf("residual standard deviation %.12f, R squared %.12f\n", residual_sd, estimates[["r_squared"]]))

digits <- sprintf("%.15g", estimates)
writeLines(c("quantity,estimate", paste(names(estimates), digits, sep = ",")), arguments[2])
writeLines(paste0("{", paste0('"', names(estimates), '": ', digits, collapse = ", "), "}"), arguments[3])
