import jwt from "jsonwebtoken";

import { settings } from "./settings.mjs";

export const sign = (user) =>
  jwt.sign({ role: user.role, name: user.artistName ?? user.fullname.firstName }, settings.jwtSecret, {
    subject: String(user._id),
    expiresIn: "1h",
  });

export const verify = (token) => jwt.verify(token, settings.jwtSecret, { algorithms: ["HS256"] });

// Express middleware: who is asking.
export const signedIn = (request, response, next) => {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  try {
    if (scheme !== "Bearer") throw new Error("no token");
    request.caller = verify(token);
  } catch {
    return response.status(401).json({ code: "unauthorized" });
  }
  next();
};
