import Link from "next/link";
import { Buy } from "./buy";
import { Who } from "./who";

export const metadata = { title: "Home" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link href="/">Home</Link> <Link href="/account">Account</Link> <Link href="/list">List</Link> <Link href="/late">Late</Link>
        </nav>
        {children}
        <Buy />
        <Who />
      </body>
    </html>
  );
}
