// Prints access tokens of so many listeners, one a line: the sync service asks for nothing else.

import jwt from "jsonwebtoken";

for (let number = 0; number < Number(process.argv[2]); number += 1) {
  const subject = number.toString(16).padStart(24, "0");
  console.log(jwt.sign({ role: "user", name: "Bench" }, process.env.JWT_SECRET, { subject, expiresIn: "1h" }));
}
